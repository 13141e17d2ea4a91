import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import TrainingRuns

/// The settings and inputs that decide a result, by which it is found again: a changed setting is another result.
struct ResultKey: Encodable {
  /// Counts up when a training comes to something else than before.
  var version = 1
  var purpose: String
  var method: String
  var parameters: [String: String]
  var sampler: MethodChoice?
  var mining: MethodChoice?
  var boxes: BoxChoice?
  var architecture: HeadArchitecture?
  var classWeights: ClassWeightTable?
  var normalizer: AnchorNormalizer?
  var adversary: MethodChoice?
  /// Those that are not as they are by default: a setting that a later version adds does not undo results.
  var settings: [String]
  /// Whether images are shuffled with locality.
  var isStreamed: Bool
  /// Categories, counts and boundaries.
  var groups: String
  /// The fingerprints of the files.
  var inputs: [String: String]
  /// What tells the head that it starts from from others.
  var start: String?

  /// The key of what is trained, on which data.
  ///
  /// Threads change the last bits alone, and memory's limit nothing but whether the set is streamed: a comparison may go
  /// on with others.
  init(
    _ purpose: String, _ recipe: TrainingRecipe, groups: CategoryGroups, source: any RoISource,
    inputs: [String: RunRecord.Input], start: String?
  ) throws {
    let method = MethodChoice(name: recipe.method.name, parameters: try recipe.resolvedMethod().parameters.values)
    try self.init(
      purpose, method, settings: recipe.settings, groups: groups, source: source, inputs: inputs, start: start)
    sampler = recipe.sampler
    mining = recipe.mining
    boxes = recipe.boxes
    classWeights = recipe.classWeights
    normalizer = recipe.normalizer
    adversary = recipe.adversary
    architecture = recipe.architecture == HeadArchitecture() ? nil : recipe.architecture
  }

  /// The key of a calibration, of which head and on which data.
  init(
    _ purpose: String, _ calibration: CalibrationRecipe, groups: CategoryGroups, source: any RoISource,
    inputs: [String: RunRecord.Input], start: String?
  ) throws {
    var settings = TrainingSettings()
    settings.imagesPerBatch = calibration.settings.imagesPerBatch
    settings.seed = calibration.settings.seed
    settings.memoryLimit = calibration.settings.memoryLimit
    try self.init(
      purpose + " calibration", calibration.method, settings: settings, groups: groups, source: source, inputs: inputs,
      start: start)
  }

  /// The key of the mean of heads, or of what is known by other keys alone.
  init(
    _ purpose: String, meanOf parts: [String], groups: CategoryGroups, source: any RoISource,
    inputs: [String: RunRecord.Input]
  ) throws {
    try self.init(
      purpose, MethodChoice(name: ComparedMethod.meanName), settings: TrainingSettings(), groups: groups,
      source: source,
      inputs: inputs, start: parts.joined(separator: " "))
  }

  /// The key of the detector's own head.
  init(_ purpose: String, of own: OwnHead, groups: CategoryGroups, source: any RoISource) throws {
    try self.init(
      purpose, ComparedMethod.ownHead.method, settings: TrainingSettings(), groups: groups, source: source,
      inputs: ["init": own.input], start: nil)
  }

  private init(
    _ purpose: String, _ method: MethodChoice, settings: TrainingSettings, groups: CategoryGroups,
    source: any RoISource, inputs: [String: RunRecord.Input], start: String?
  ) throws {
    self.purpose = purpose
    self.method = method.name
    parameters = method.parameters
    isStreamed = source.featureByteCount > settings.memoryLimit
    var settings = settings
    settings.threads = TrainingSettings().threads
    settings.memoryLimit = TrainingSettings().memoryLimit
    self.settings = try Self.changes(of: settings)
    self.groups = try groups.json()
    self.inputs = inputs.mapValues(\.fingerprint)
    self.start = start
  }

  /// `name=value` for every setting that is not as it is by default, `name` alone for one that has no value.
  private static func changes(of settings: TrainingSettings) throws -> [String] {
    func fields(_ settings: TrainingSettings) throws -> [String: NSObject] {
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(settings)) as? [String: NSObject] ?? [:]
    }
    let (fields, defaults) = (try fields(settings), try fields(TrainingSettings()))
    return Set(fields.keys).union(defaults.keys).sorted().compactMap { name in
      guard fields[name] != defaults[name] else { return nil }
      return fields[name].map { "\(name)=\($0)" } ?? name
    }
  }

  /// Sixteen hexadecimal digits.
  func digest() throws -> String { try FNVHash.digest(of: self) }
}
