import DurableFiles
import Foundation
import HeadTraining

extension RunRecord: Codable {
  /// A training's recipe has its keys beside these, a calibration's `calibration` and `settings`; the recipe of the head
  /// that is calibrated stands in `trainedWith`.
  private enum CodingKeys: CodingKey {
    case format, version, program, created, method, calibration, trainedWith, sweep, tuning, inputs, groupBoundaries
    case importedFrom, averaged, race, tensorboard, roiCount, imageCount, featureCount, blasKernels, result
    case anchorsPerLocation
  }

  private static let formatName = "bags-run"
  private static let formatVersion = 1

  /// Reads a record, of this or an earlier version of the program.
  public init(from decoder: any Decoder) throws {
    let stored = try decoder.container(keyedBy: CodingKeys.self)
    program = try stored.decode(String.self, forKey: .program)
    created = try stored.decode(String.self, forKey: .created)
    method = try stored.decode(String.self, forKey: .method)
    importedFrom = try stored.decodeIfPresent(String.self, forKey: .importedFrom)
    averaged = try stored.decodeIfPresent([String].self, forKey: .averaged)
    race = try stored.decodeIfPresent(RaceRecord.self, forKey: .race)
    if stored.contains(.calibration) {
      let calibration = try CalibrationRecipe(from: decoder)
      self.calibration = calibration
      recipe = try stored.decodeIfPresent(TrainingRecipe.self, forKey: .trainedWith)
      // Earlier versions wrote the head's settings beside the calibration, under the head's name or the calibrated one's.
      if recipe == nil, !method.contains("+") { recipe = try TrainingRecipe(from: decoder) }
      let suffix = "+\(calibration.method.name)"
      if !method.hasSuffix(suffix) { method += suffix }
    } else if importedFrom == nil, averaged == nil {
      recipe = try TrainingRecipe(from: decoder)
    }
    sweep = try stored.decodeIfPresent(ParameterSweep.self, forKey: .sweep)
    tuning = try stored.decodeIfPresent(TuningRecord.self, forKey: .tuning)
    inputs = try stored.decode([String: Input].self, forKey: .inputs)
    groupBoundaries = try stored.decodeIfPresent(String.self, forKey: .groupBoundaries)
    tensorboard = try stored.decodeIfPresent(String.self, forKey: .tensorboard)
    roiCount = try stored.decode(Int.self, forKey: .roiCount)
    imageCount = try stored.decode(Int.self, forKey: .imageCount)
    featureCount = try stored.decode(Int.self, forKey: .featureCount)
    anchorsPerLocation = try stored.decodeIfPresent(Int.self, forKey: .anchorsPerLocation)
    blasKernels = try stored.decode(String.self, forKey: .blasKernels)
    result = try stored.decodeIfPresent(Result.self, forKey: .result)
  }

  /// Writes the record.
  public func encode(to encoder: any Encoder) throws {
    var stored = encoder.container(keyedBy: CodingKeys.self)
    if let calibration {
      try calibration.encode(to: encoder)
      try stored.encodeIfPresent(recipe, forKey: .trainedWith)
    } else {
      try recipe?.encode(to: encoder)
    }
    try stored.encode(Self.formatName, forKey: .format)
    try stored.encode(Self.formatVersion, forKey: .version)
    try stored.encode(program, forKey: .program)
    try stored.encode(created, forKey: .created)
    try stored.encode(method, forKey: .method)
    try stored.encodeIfPresent(importedFrom, forKey: .importedFrom)
    try stored.encodeIfPresent(averaged, forKey: .averaged)
    try stored.encodeIfPresent(race, forKey: .race)
    try stored.encodeIfPresent(sweep, forKey: .sweep)
    try stored.encodeIfPresent(tuning, forKey: .tuning)
    try stored.encode(inputs, forKey: .inputs)
    try stored.encodeIfPresent(groupBoundaries, forKey: .groupBoundaries)
    try stored.encodeIfPresent(tensorboard, forKey: .tensorboard)
    try stored.encode(roiCount, forKey: .roiCount)
    try stored.encode(imageCount, forKey: .imageCount)
    try stored.encode(featureCount, forKey: .featureCount)
    try stored.encodeIfPresent(anchorsPerLocation, forKey: .anchorsPerLocation)
    try stored.encode(blasKernels, forKey: .blasKernels)
    try stored.encodeIfPresent(result, forKey: .result)
  }

  /// Reads `run.json`.
  ///
  /// - Throws: `FileError` if it cannot be read, `RunFolderError` if it is no run's.
  public init(contentsOf path: String) throws {
    do {
      self = try JSONDocument.value(at: path)
    } catch let error as DecodingError {
      throw RunFolderError("\(path): \(error.place)")
    } catch let error as CustomStringConvertible & Error where !(error is FileError) {
      throw RunFolderError("\(path): \(error)")
    }
  }

  /// Writes `run.json`.
  ///
  /// - Throws: `FileError`; what stood there is then as it was.
  func write(to path: String) throws { try DurableFile.write(try JSONDocument.text(self) + "\n", to: path) }
}
