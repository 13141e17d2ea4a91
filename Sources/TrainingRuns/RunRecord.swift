import DurableFiles
import Foundation
import HeadLosses
import HeadTraining

/// What `run.json` holds: every setting needed to repeat a run, and what it was fed.
public struct RunRecord: Sendable, Codable, Equatable {
  /// One input and the mark by which it is known again.
  public struct Input: Sendable, Codable, Equatable {
    /// Where it was.
    public var path: String
    /// See `fingerprint(ofFileAt:)`.
    public var fingerprint: String

    /// Marks the file or folder at `path`.
    ///
    /// - Throws: `FileError` if it cannot be read.
    public init(path: String) throws {
      self.path = path
      fingerprint = try TrainingRuns.fingerprint(ofFileAt: path)
    }
  }

  /// What a run came to.
  public struct Result: Sendable, Codable, Equatable {
    /// Wall-clock seconds of training.
    public var seconds: Double
    /// Steps taken.
    public var steps: Int
    /// The mean loss of the last epoch.
    public var loss: Double

    /// Makes a result.
    public init(seconds: Double, steps: Int, loss: Double) {
      self.seconds = seconds
      self.steps = steps
      self.loss = loss
    }
  }

  /// `bags-run`.
  public var format = "bags-run"
  /// The version of this layout.
  public var version = 1
  /// The program and its version.
  public var program: String
  /// When it began, ISO 8601 in UTC.
  public var created: String
  /// The method.
  public var method: String
  /// The method's own parameters by their option names.
  public var methodParameters: [String: String]
  /// Which images an epoch visits; `nil` for each once.
  public var sampler: MethodChoice?
  /// Which RoIs of a batch are trained on; `nil` for all.
  public var mining: MethodChoice?
  /// The box regressor trained beside; `nil` for none.
  public var boxes: BoxChoice?
  /// What was done to a trained head, of which the other settings are; `nil` for a run that was trained.
  public var calibration: MethodChoice?
  /// How a parameter of the calibration was chosen; `nil` where it was given.
  public var sweep: ParameterSweep?
  /// Layers and stages beside one linear layer; `nil` where that is all.
  public var architecture: HeadArchitecture?
  /// The recipe.
  public var settings: TrainingSettings
  /// How its learning rate was chosen; `nil` where it was given.
  public var tuning: TuningRecord?
  /// The files read, by their option names.
  public var inputs: [String: Input]
  /// Where the groups were divided, as `--groups` has it, such as `10,100,1000`; `nil` where they were read from a file.
  public var groupBoundaries: String?
  /// The folder that TensorBoard's events go to; `nil` for none.
  public var tensorboard: String?
  /// RoIs, images and feature length.
  public var roiCount: Int
  /// Images with RoIs.
  public var imageCount: Int
  /// D.
  public var featureCount: Int
  /// The kernels that OpenBLAS ran.
  public var blasKernels: String
  /// `nil` until the run is complete.
  public var result: Result?

  /// Makes a record.
  public init(
    program: String, created: Date, method: String, methodParameters: [String: String], settings: TrainingSettings,
    inputs: [String: Input], roiCount: Int, imageCount: Int, featureCount: Int, blasKernels: String
  ) {
    self.program = program
    self.created = created.formatted(.iso8601)
    self.method = method
    self.methodParameters = methodParameters
    self.settings = settings
    self.inputs = inputs
    self.roiCount = roiCount
    self.imageCount = imageCount
    self.featureCount = featureCount
    self.blasKernels = blasKernels
  }

  /// Reads `run.json`.
  ///
  /// - Throws: `FileError` if it cannot be read, `RunFolderError` if it is no run's.
  public init(contentsOf path: String) throws {
    let file = try MappedFile(at: path)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      self = try decoder.decode(RunRecord.self, from: Data(file.bytes))
    } catch let error as DecodingError {
      throw RunFolderError("\(path): \(error.place)")
    }
  }
}
