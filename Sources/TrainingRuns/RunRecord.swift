import DenseLinearAlgebra
import DetectionHeads
import DurableFiles
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets

/// The settings, inputs and result of a run, as `run.json` holds them: all that is needed to repeat it.
///
/// It is made in two ways, from the recipe of a training or from that of a calibration, whoever carries them out: so
/// the same work says the same of itself.
public struct RunRecord: Sendable, Equatable {
  /// A file or folder that a run was given, and the fingerprint by which it is known again.
  public struct Input: Sendable, Codable, Equatable {
    /// The path, as it was given.
    public var path: String
    /// The size and a hash; see `fingerprint(ofFileAt:)`.
    public var fingerprint: String

    /// Takes the fingerprint of the file or folder at a path.
    ///
    /// - Throws: `FileError` if it cannot be read.
    public init(path: String) throws {
      self.path = path
      fingerprint = try TrainingRuns.fingerprint(ofFileAt: path)
    }
  }

  /// The time, the steps and the loss of a run that is complete.
  public struct Result: Sendable, Codable, Equatable {
    /// Wall-clock seconds of training, over all sessions of a run that was interrupted.
    public var seconds: Double
    /// The number of steps taken.
    public var steps: Int
    /// The mean loss of the last epoch; 0 where nothing was trained.
    public var loss: Double

    /// Makes a result.
    public init(seconds: Double, steps: Int, loss: Double) {
      self.seconds = seconds
      self.steps = steps
      self.loss = loss
    }
  }

  /// The program and its version.
  public var program: String
  /// When the run began, ISO 8601 in UTC.
  public var created: String
  /// The name of the run's head: the method, for a calibrated head with the calibrations behind it, such as
  /// `softmax+tau-norm`.
  public var method: String
  /// The recipe that trained the head; for a calibrated head, the head that was calibrated. `nil` where that is not
  /// known.
  public var recipe: TrainingRecipe?
  /// The file of a head that was trained elsewhere and is only kept beside others; `nil` for a run of this program.
  public var importedFrom: String?
  /// The files of the heads whose scores the head averages; `nil` for a head of its own.
  public var averaged: [String]?
  /// The race that chose the method; `nil` where it was given.
  public var race: RaceRecord?
  /// The recipe that calibrated a trained head; `nil` for a run that is a training.
  public var calibration: CalibrationRecipe?
  /// The values that were tried of the calibration's parameter; `nil` where it was given.
  public var sweep: ParameterSweep?
  /// The trials by which the learning rate and parameters were chosen; `nil` where they were given.
  public var tuning: TuningRecord?
  /// The files that were read, by the names of their options.
  public var inputs: [String: Input]
  /// The boundaries of the groups, such as `10,100,1000`; `nil` where they were read from a file.
  public var groupBoundaries: String?
  /// The folder that TensorBoard's events go to; `nil` for none.
  public var tensorboard: String?
  /// The number N of training examples.
  public var roiCount: Int
  /// The number of images with examples.
  public var imageCount: Int
  /// The numbers D of each example.
  public var featureCount: Int
  /// The number of anchors of a location, of a dense head; `nil` where the examples are RoIs or queries.
  public var anchorsPerLocation: Int?
  /// The kernels that OpenBLAS ran, such as `SkylakeX`.
  public var blasKernels: String
  /// The time, the steps and the loss; `nil` until the run is complete.
  public var result: Result?

  /// The record of a training that begins now.
  ///
  /// - Parameters:
  ///   - recipe: The recipe.
  ///   - source: The training examples.
  ///   - inputs: The files that were read, by their names as options.
  ///   - groupBoundaries: Where the groups were divided; `nil` where they were read from a file.
  ///   - program: The program and its version.
  public init(
    of recipe: TrainingRecipe, on source: any RoISource, inputs: [String: Input], groupBoundaries: String? = nil,
    program: String
  ) {
    self.init(
      method: recipe.method.name, inputs: inputs, program: program, roiCount: source.roiCount,
      imageCount: source.imageCount, featureCount: source.featureCount)
    self.recipe = recipe
    self.groupBoundaries = groupBoundaries
    anchorsPerLocation = (source as? any AnchorSource)?.anchorsPerLocation
  }

  /// The record of a calibration that begins now.
  ///
  /// - Parameters:
  ///   - calibration: The recipe.
  ///   - head: The head that is calibrated.
  ///   - headPath: Its file.
  ///   - base: The record of the run that trained it; `nil` for a head of no run. Its training data are taken for the
  ///     calibration's.
  ///   - source: The training examples, where the calibration or the choice of its parameters looks at them.
  ///   - inputs: Training data that take the place of the run's, by their names as options.
  ///   - program: The program and its version.
  /// - Throws: `FileError` if the head's file cannot be read.
  public init(
    of calibration: CalibrationRecipe, on head: LinearHead, at headPath: String, trainedBy base: RunRecord?,
    source: (any RoISource)?, inputs: [String: Input] = [:], program: String
  ) throws {
    let data = (base?.inputs ?? [:]).merging(inputs) { $1 }.filter { ["features", "annotations"].contains($0.key) }
    self.init(
      method: "\(head.method)+\(calibration.method.name)",
      inputs: data.merging(["init": try Input(path: headPath)]) { $1 }, program: program,
      roiCount: source?.roiCount ?? base?.roiCount ?? 0, imageCount: source?.imageCount ?? base?.imageCount ?? 0,
      featureCount: head.inputs)
    recipe = base?.recipe
    self.calibration = calibration
    anchorsPerLocation = head.layout.anchorsPerLocation
  }

  /// The record of a head that was trained elsewhere.
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - input: Its file.
  ///   - program: The program and its version.
  public init(of head: LinearHead, from input: Input, program: String) {
    self.init(
      method: head.method, inputs: ["init": input], program: program, roiCount: 0, imageCount: 0,
      featureCount: head.inputs)
    importedFrom = input.path
    anchorsPerLocation = head.layout.anchorsPerLocation
  }

  /// The record of a head that averages the scores of others.
  ///
  /// - Parameters:
  ///   - heads: The file of each head and the record of the run that made it.
  ///   - method: The name of the head.
  ///   - program: The program and its version.
  /// - Throws: `FileError` if a head's file cannot be read.
  public init(meanOf heads: [(path: String, record: RunRecord)], method: String, program: String) throws {
    var inputs = heads.first?.record.inputs.filter { ["features", "annotations"].contains($0.key) } ?? [:]
    for (place, head) in heads.enumerated() { inputs["head-\(place + 1)"] = try Input(path: head.path) }
    let first = heads.first { $0.record.roiCount > 0 }?.record
    self.init(
      method: method, inputs: inputs, program: program, roiCount: first?.roiCount ?? 0,
      imageCount: first?.imageCount ?? 0, featureCount: heads.first?.record.featureCount ?? 0)
    averaged = heads.map(\.path)
    anchorsPerLocation = heads.lazy.compactMap(\.record.anchorsPerLocation).first
  }

  private init(
    method: String, inputs: [String: Input], program: String, roiCount: Int, imageCount: Int, featureCount: Int
  ) {
    self.program = program
    created = Date().formatted(.iso8601)
    self.method = method
    self.inputs = inputs
    self.roiCount = roiCount
    self.imageCount = imageCount
    self.featureCount = featureCount
    blasKernels = OpenBLAS.kernels
  }

  /// Whether the examples are the anchors of feature maps. Earlier versions stated a divisor for these alone.
  public var hasAnchors: Bool { anchorsPerLocation != nil || recipe?.normalizer != nil }

  /// What the examples are called, `RoIs` or `anchors`.
  public var exampleWord: String { hasAnchors ? "anchors" : "RoIs" }

  /// The settings of what was done: of the calibration, where there was one, else of the training.
  public var settings: TrainingSettings { calibration?.settings ?? recipe?.settings ?? TrainingSettings() }
}
