import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import LVISDatasets

/// A way to choose the RoIs of a batch: what `--mining` names.
public struct RoIMiningMethod: NamedMethod {
  /// What the user types.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// Where it comes from.
  public let source: String
  /// Its own parameters.
  public let parameters: [MethodParameter]
  /// Whether it needs a head that was trained before.
  public let needsMiningHead: Bool
  /// Whether it ranks RoIs by their losses, so that the method must give each RoI one of its own.
  public let ranksByLoss: Bool
  /// Makes the selector.
  public let selector: @Sendable (MethodParameters, RoIMiningData) throws -> any RoISelector

  /// A head, where it ranks by one.
  public var needs: String? { needsMiningHead ? "a head that was trained before: --mining-head" : nil }

  /// `mining`.
  public static let kind = "mining"

  /// Every way.
  public static let registry = MethodRegistry<RoIMiningMethod>([.random, .hard, .hardNegatives, .stratified, .offline])

  /// Why it does not go with a way to train; `nil` where it does.
  public func refusal(for method: TrainingMethod) -> String? {
    guard ranksByLoss, let reason = method.noExampleLoss else { return nil }
    return "\(name) ranks each RoI by its own loss; \(method.name) has none, since it \(reason)"
  }

  /// The selector that was chosen.
  ///
  /// - Throws: `MethodParameterError` if there is none of that name, or it cannot take the parameters; what reading the
  ///   RoIs throws.
  public static func selector(_ choice: MethodChoice, for data: RoIMiningData) throws -> any RoISelector {
    let (method, parameters) = try chosen(choice)
    return try method.selector(parameters, data)
  }
}

/// What mining may look at before training.
public struct RoIMiningData: Sendable {
  /// The training RoIs.
  public let source: any RoISource
  /// A head that was trained before; `nil` for none.
  public let head: LinearHead?
  /// The seed of the run.
  public let seed: UInt64

  /// Makes it.
  public init(source: any RoISource, head: LinearHead? = nil, seed: UInt64) {
    self.source = source
    self.head = head
    self.seed = seed
  }
}

extension MethodParameter {
  fileprivate static func roisPerImage(_ count: Int, _ summary: String) -> MethodParameter {
    integer("rois-per-image", default: count, in: 1...1_000_000, summary)
  }
  fileprivate static let positiveFraction = number(
    "positive-fraction", default: 0.25, in: 0...1, "the largest share of foreground")
  fileprivate static let negativesPerPositive = number(
    "negatives-per-positive", default: 3, in: 0...1e9, "background RoIs of an image for each of its foreground RoIs")
  fileprivate static let suppression = number(
    "mining-nms", default: 0.7, in: 0...1, "the IoU above which an easier RoI gives way; 1 for never")
}

extension RoIMiningMethod {
  /// A random draw.
  public static let random = RoIMiningMethod(
    name: "random", summary: "a random draw of each image's RoIs, foreground limited",
    source: "Ren et al., NeurIPS 2015",
    parameters: [.roisPerImage(512, "RoIs of an image"), .positiveFraction], needsMiningHead: false, ranksByLoss: false,
    selector: { parameters, _ in
      RandomRoIs(
        count: parameters.integer("rois-per-image"), positiveFraction: parameters.number("positive-fraction"))
    })

  /// OHEM.
  public static let hard = RoIMiningMethod(
    name: "ohem", summary: "the RoIs with the largest losses, overlapping ones suppressed",
    source: "Shrivastava et al., CVPR 2016",
    parameters: [.roisPerImage(64, "RoIs kept for each image, over all images of the batch"), .suppression],
    needsMiningHead: false, ranksByLoss: true,
    selector: { parameters, _ in
      OnlineHardExamples(
        countPerImage: parameters.integer("rois-per-image"), suppressionIoU: Float(parameters.number("mining-nms")))
    })

  /// OHEM 1:3.
  public static let hardNegatives = RoIMiningMethod(
    name: "ohem-1to3", summary: "all foreground and the background with the largest losses, three times as much",
    source: "survey texts; mmdetection OHEMSampler", parameters: [.negativesPerPositive], needsMiningHead: false,
    ranksByLoss: true,
    selector: { parameters, _ in
      PerImageHardExamples(negativesPerPositive: parameters.number("negatives-per-positive"))
    })

  /// S-OHEM.
  public static let stratified = RoIMiningMethod(
    name: "s-ohem",
    summary: "OHEM in strata by the share of the box loss, quotas shifting (our reading: no public code)",
    source: "Li et al., arXiv 1705.02233",
    parameters: [.roisPerImage(64, "RoIs kept for each image, over all images of the batch"), .suppression],
    needsMiningHead: false, ranksByLoss: true,
    selector: { parameters, _ in
      StratifiedHardExamples(
        countPerImage: parameters.integer("rois-per-image"), suppressionIoU: Float(parameters.number("mining-nms")))
    })

  /// Offline hard-negative mining.
  public static let offline = RoIMiningMethod(
    name: "offline", summary: "a fixed pool of background: a random draw, and the false positives of --mining-head",
    source: "survey texts (our reading)",
    parameters: [
      .number("mining-threshold", default: 0.5, in: 0...1, "background that scores at least this is a false positive"),
      .negativesPerPositive,
    ], needsMiningHead: true, ranksByLoss: false,
    selector: { parameters, data in
      guard let head = data.head else {
        throw MethodParameterError(
          "offline mining needs a head that was trained before, whose false positives it takes")
      }
      var generator = SeededGenerator(seed: data.seed).derived(for: 4)
      return try MinedNegatives(
        source: data.source, scorer: head, threshold: Float(parameters.number("mining-threshold")),
        negativesPerPositive: parameters.number("negatives-per-positive"), using: &generator)
    })
}
