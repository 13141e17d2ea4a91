import DetectionHeads
import FeatureSets
import HeadLosses

/// What is done to a trained head: what `bags calibrate --method` names.
public struct CalibrationMethod: NamedMethod {
  /// What the user types.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// Where it comes from.
  public let source: String
  /// Its own parameters.
  public let parameters: [MethodParameter]
  /// Whether it looks at the training RoIs.
  public let needsFeatures: Bool
  /// Whether it trains a softmax head from fresh weights, so that nothing of the head is left but its classes.
  public var startsAnew = false
  /// Makes the calibrated head.
  let calibrate: @Sendable (LinearHead, MethodParameters, CalibrationData) throws -> LinearHead

  /// The RoIs, where it looks at them.
  public var needs: String? { needsFeatures ? "the training RoIs" : nil }

  /// Every calibration.
  public static let all: [CalibrationMethod] = [
    .tauNorm, .tauNormSelect, .norCal, .nearestClassMean, .weightScaling, .classifierRetraining, .tailFineTuning,
  ]

  /// The calibrated head, called `softmax+tau-norm` say; the one given stays as it is.
  ///
  /// - Parameters:
  ///   - head: A trained head.
  ///   - parameters: The method's.
  ///   - data: What it may look at.
  /// - Throws: `LinearHeadError` if the method has no meaning for such a head, or lacks the RoIs it needs; what reading
  ///   and training throw.
  public func callAsFunction(
    _ head: LinearHead, parameters: MethodParameters, data: CalibrationData = CalibrationData()
  ) throws -> LinearHead {
    guard head.hidden.isEmpty else {
      throw LinearHeadError(
        "\(name) is for a last layer alone; this head has hidden layers of \(head.hidden.map(\.outputs)) outputs")
    }
    var calibrated = try calibrate(head, parameters, data)
    calibrated.method = "\(head.method)+\(name)"
    return calibrated
  }
}

/// What a calibration may look at beside the head.
public struct CalibrationData {
  /// The training RoIs; `nil` where there are none.
  public var source: (any RoISource)?
  /// How to train, where that is done: batch, seed, threads. Epochs and learning rate are the method's.
  public var settings = TrainingSettings()
  /// What happens meanwhile.
  public var hooks = TrainingHooks()

  /// Makes it.
  public init(source: (any RoISource)? = nil) { self.source = source }

  func roiSource(for name: String) throws -> any RoISource {
    guard let source else { throw LinearHeadError("\(name) needs the training RoIs: --features") }
    return source
  }

  func training(for name: String, parameters: MethodParameters) throws -> CalibrationTraining {
    var settings = settings
    settings.epochs = parameters.integer("epochs")
    settings.learningRate = parameters.number("learning-rate")
    settings.milestones = [settings.epochs - settings.epochs / 3]
    return CalibrationTraining(source: try roiSource(for: name), settings: settings, hooks: hooks)
  }
}

extension MethodParameter {
  fileprivate static let tau = number("tau", default: 1, in: 0...10, "τ: 0 changes nothing, 1 makes all rows one long")
  fileprivate static let tailBelow = integer(
    "tail-below", default: 100, in: 1...1_000_000_000, "a class with fewer training instances is of the tail")
  fileprivate static func epochs(_ count: Int) -> MethodParameter {
    integer("epochs", default: count, in: 1...1_000_000, "passes over the images")
  }
  fileprivate static func learningRate(_ rate: Double) -> MethodParameter {
    number("learning-rate", default: rate, in: 1e-9...1e4, "the learning rate, a tenth of it in the last third")
  }
}

extension CalibrationMethod {
  /// τ-normalisation.
  public static let tauNorm = CalibrationMethod(
    name: "tau-norm", summary: "each class row divided by its norm to the power of τ", source: "Kang et al., ICLR 2020",
    parameters: [.tau], needsFeatures: false,
    calibrate: { head, parameters, _ in try head.tauNormalized(tau: parameters.number("tau")) })

  /// τ-norm-select.
  public static let tauNormSelect = CalibrationMethod(
    name: "tau-norm-select", summary: "τ-normed scores where they find a tail class on what is no background",
    source: "Li et al., CVPR 2020", parameters: [.tau, .tailBelow], needsFeatures: false,
    calibrate: { head, parameters, _ in
      try head.tauSelected(tau: parameters.number("tau"), tailBelow: parameters.integer("tail-below"))
    })

  /// NorCal.
  public static let norCal = CalibrationMethod(
    name: "norcal", summary: "foreground scores divided by image counts to the power of γ, then renormalised",
    source: "Pan et al., NeurIPS 2021",
    parameters: [.number("gamma", default: 0.6, in: 0...10, "γ: 0 changes nothing")], needsFeatures: false,
    calibrate: { head, parameters, _ in try head.normalizedCalibrated(gamma: parameters.number("gamma")) })

  /// NCM.
  public static let nearestClassMean = CalibrationMethod(
    name: "ncm", summary: "classes told apart by the cosine to their mean feature, background as before",
    source: "Kang et al., ICLR 2020; Li et al., CVPR 2020", parameters: [], needsFeatures: true,
    calibrate: { head, _, data in try head.nearestClassMean(of: try data.roiSource(for: "ncm")) })

  /// LWS.
  public static let weightScaling = CalibrationMethod(
    name: "lws", summary: "one scale per class, learnt on class-balanced images with the head frozen",
    source: "Kang et al., ICLR 2020", parameters: [.epochs(4), .learningRate(0.1)], needsFeatures: true,
    calibrate: { head, parameters, data in
      try head.weightScaled(with: try data.training(for: "lws", parameters: parameters))
    })

  /// cRT.
  public static let classifierRetraining = CalibrationMethod(
    name: "crt", summary: "the classifier trained anew on class-balanced images", source: "Kang et al., ICLR 2020",
    parameters: [.epochs(12), .learningRate(0.01)], needsFeatures: true, startsAnew: true,
    calibrate: { head, parameters, data in
      try head.retrained(with: try data.training(for: "crt", parameters: parameters))
    })

  /// Tail fine-tuning.
  public static let tailFineTuning = CalibrationMethod(
    name: "tail-finetune", summary: "a little more training, at a low rate, on images with tail classes alone",
    source: "Li et al., CVPR 2020", parameters: [.epochs(4), .learningRate(0.001), .tailBelow], needsFeatures: true,
    calibrate: { head, parameters, data in
      try head.fineTunedOnTail(
        with: try data.training(for: "tail-finetune", parameters: parameters),
        tailBelow: parameters.integer("tail-below"))
    })
}
