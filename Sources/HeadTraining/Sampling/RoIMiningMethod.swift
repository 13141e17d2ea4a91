import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import LVISDatasets

/// A way to choose the RoIs of a batch, chosen by its name.
public struct RoIMiningMethod: NamedMethod {
  /// The name by which a user chooses it, such as `ohem`.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// The paper or code that it comes from.
  public let source: String
  /// The parameters that it declares.
  public let parameters: [MethodParameter]
  /// Whether it needs a head that was trained before; `false` by default.
  public let needsMiningHead: Bool
  /// Whether it ranks RoIs by their losses, so that the method must give each RoI one of its own; `false` by default.
  public let ranksByLoss: Bool
  /// Makes the selector from the parameters and the training RoIs.
  public let selector: @Sendable (MethodParameters, RoIMiningData) throws -> any RoISelector

  /// Declares a way to choose RoIs.
  ///
  /// - Parameters:
  ///   - name: The name by which a user chooses it.
  ///   - summary: One line on what it does.
  ///   - source: The paper or code that it comes from.
  ///   - parameters: The parameters that it declares.
  ///   - needsMiningHead: Whether it needs a head that was trained before, which ``RoIMiningData/head`` then holds.
  ///   - ranksByLoss: Whether it ranks RoIs by their losses: such a selector asks for
  ///     ``RoISelectionNeeds/classLosses``, and is refused for a method whose RoIs have no loss of their own.
  ///   - selector: Makes the selector from the parameters and the training RoIs.
  public init(
    name: String, summary: String, source: String, parameters: [MethodParameter] = [], needsMiningHead: Bool = false,
    ranksByLoss: Bool = false, selector: @escaping @Sendable (MethodParameters, RoIMiningData) throws -> any RoISelector
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.parameters = parameters
    self.needsMiningHead = needsMiningHead
    self.ranksByLoss = ranksByLoss
    self.selector = selector
  }

  /// A head, where it ranks by one.
  public var needs: String? { needsMiningHead ? "a head that was trained before" : nil }

  /// The word `mining`, for errors.
  public static let kind = "mining"

  /// All ways to choose RoIs, to which a program can add its own.
  public static let registry = MethodRegistry<RoIMiningMethod>([.random, .hard, .hardNegatives, .stratified, .offline])

  /// The reason why it does not go with a way to train, in one line; `nil` where it does.
  public func refusal(for method: TrainingMethod) -> String? {
    guard ranksByLoss, let reason = method.noExampleLoss else { return nil }
    return "\(name) ranks each RoI by its own loss; \(method.name) has none, since it \(reason)"
  }

  /// Makes the selector that was chosen.
  ///
  /// - Throws: `MethodParameterError` if there is none of that name, or it cannot take the parameters;
  ///   `TrainingRecipeError` where it needs a head and none is given; what reading the RoIs throws.
  public static func selector(_ choice: MethodChoice, for data: RoIMiningData) throws -> any RoISelector {
    let (method, parameters) = try chosen(choice)
    return try method.selector(parameters, data)
  }
}

/// The data that a selector is made from, before training.
public struct RoIMiningData: Sendable {
  /// The RoIs that are trained on.
  public let source: any RoISource
  /// A head that was trained before; `nil` where none was given.
  public let head: LinearHead?
  /// The seed of the run.
  public let seed: UInt64

  /// Gathers the data.
  ///
  /// - Parameters:
  ///   - source: The training RoIs.
  ///   - head: A head that was trained before.
  ///   - seed: The seed of the run.
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
  /// The way `random`: a random draw of each image's RoIs, foreground limited (Ren et al., NeurIPS 2015).
  public static let random = RoIMiningMethod(
    name: "random", summary: "a random draw of each image's RoIs, foreground limited",
    source: "Ren et al., NeurIPS 2015",
    parameters: [.roisPerImage(512, "RoIs of an image"), .positiveFraction], needsMiningHead: false, ranksByLoss: false,
    selector: { parameters, _ in
      RandomRoIs(
        count: parameters.integer("rois-per-image"), positiveFraction: parameters.number("positive-fraction"))
    })

  /// The way `ohem`, online hard example mining (Shrivastava, Gupta and Girshick, CVPR 2016).
  public static let hard = RoIMiningMethod(
    name: "ohem", summary: "the RoIs with the largest losses, overlapping ones suppressed",
    source: "Shrivastava et al., CVPR 2016",
    parameters: [.roisPerImage(64, "RoIs kept for each image, over all images of the batch"), .suppression],
    needsMiningHead: false, ranksByLoss: true,
    selector: { parameters, _ in
      OnlineHardExamples(
        countPerImage: parameters.integer("rois-per-image"), suppressionIoU: Float(parameters.number("mining-nms")))
    })

  /// The way `ohem-1to3`: all foreground, and the hardest background, three for each (mmdetection `OHEMSampler`).
  public static let hardNegatives = RoIMiningMethod(
    name: "ohem-1to3", summary: "all foreground and the background with the largest losses, three times as much",
    source: "survey texts; mmdetection OHEMSampler", parameters: [.negativesPerPositive], needsMiningHead: false,
    ranksByLoss: true,
    selector: { parameters, _ in
      PerImageHardExamples(negativesPerPositive: parameters.number("negatives-per-positive"))
    })

  /// The way `s-ohem`: hard examples in strata by the share of the box loss (Li et al., arXiv 1705.02233).
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

  /// The way `offline`: a fixed pool of background, with the false positives of a head that was trained before.
  public static let offline = RoIMiningMethod(
    name: "offline", summary: "a fixed pool of background: a random draw, and the false positives of a trained head",
    source: "survey texts (our reading)",
    parameters: [
      .number("mining-threshold", default: 0.5, in: 0...1, "background that scores at least this is a false positive"),
      .negativesPerPositive,
    ], needsMiningHead: true, ranksByLoss: false,
    selector: { parameters, data in
      guard let head = data.head else {
        throw TrainingRecipeError(
          .missingInput, "offline mining needs a head that was trained before, whose false positives it takes")
      }
      var generator = SeededGenerator(seed: data.seed).derived(for: 4)
      return try MinedNegatives(
        source: data.source, scorer: head, threshold: Float(parameters.number("mining-threshold")),
        negativesPerPositive: parameters.number("negatives-per-positive"), using: &generator)
    })
}
