import DetectionHeads
import FeatureSets
import HeadLosses

/// A calibration: a change of a trained head by a formula or by more training, which gives another head.
///
/// Each is declared beside its formula or its training, as a `static let` in an extension of this type. Those of the
/// library are listed in ``registry``, to which a program adds its own. ``CalibrationRecipe`` carries it out.
public struct CalibrationMethod: NamedMethod {
  /// The name by which a user chooses it.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// The paper or code that it comes from.
  public let source: String
  /// The parameters that it declares.
  public let parameters: [MethodParameter]
  /// Whether it looks at the training examples.
  public let needsFeatures: Bool
  /// Whether it trains a softmax head from fresh weights, so that nothing of the head is left but its classes.
  public let startsAnew: Bool
  /// The way in which the calibrated head comes about.
  public let work: Work

  /// A way in which a calibrated head comes about.
  public enum Work: Sendable {
    /// The head is calculated from the trained head and, where `needsFeatures` says so, the training examples.
    case formula(@Sendable (LinearHead, MethodParameters, (any RoISource)?) throws -> LinearHead)
    /// The head is trained: the first closure gives method and sampler, the second finishes the trained head. Epochs
    /// and learning rate are parameters of the calibration.
    case training(
      @Sendable (LinearHead, MethodParameters) throws -> TrainingRecipe,
      finish: @Sendable (LinearHead) throws -> LinearHead)
  }

  /// Declares a calibration.
  ///
  /// - Parameters:
  ///   - name: The name by which a user chooses it.
  ///   - summary: One line on what it does.
  ///   - source: The paper or code that it comes from.
  ///   - parameters: The parameters that it declares; one that trains declares `epochs` and `learning-rate`.
  ///   - needsFeatures: Whether it looks at the training examples.
  ///   - startsAnew: Whether it trains a softmax head from fresh weights.
  ///   - work: The way in which the calibrated head comes about.
  public init(
    name: String, summary: String, source: String, parameters: [MethodParameter] = [], needsFeatures: Bool = false,
    startsAnew: Bool = false, work: Work
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.parameters = parameters
    self.needsFeatures = needsFeatures
    self.startsAnew = startsAnew
    self.work = work
  }

  /// The training examples, where the calibration looks at them.
  public var needs: String? { needsFeatures ? "the training examples" : nil }

  /// The word `calibration`, for errors.
  public static let kind = "calibration"

  /// All calibrations, to which a program can add its own.
  public static let registry = MethodRegistry<CalibrationMethod>([
    .tauNorm, .tauNormSelect, .postHocAdjustment, .norCal, .fractal, .logitNormalization, .nearestClassMean,
    .weightScaling, .classifierRetraining, .tailFineTuning, .competition,
  ])
}

extension MethodParameter {
  static let tau = number("tau", default: 1, in: 0...10, "τ: 0 changes nothing, 1 makes all rows one long")
  static let tailBelow = integer(
    "tail-below", default: 100, in: 1...1_000_000_000, "a class with fewer training instances is of the tail")
  static func epochs(_ count: Int) -> MethodParameter {
    integer("epochs", default: count, in: 1...1_000_000, "passes over the images")
  }
  static func learningRate(_ rate: Double) -> MethodParameter {
    number("learning-rate", default: rate, in: 1e-9...1e4, "the learning rate, a tenth of it in the last third")
  }
}
