import DenseLinearAlgebra
import DetectionHeads

/// BACL on a frozen detector (Qi et al. 2023; Tianhao-Qi/BACL, the classifier's stage): the foreground classification
/// balance loss over C classes and background, divided by all rows, and features drawn beside the batch's of classes that
/// are often mistaken.
///
/// The authors take the Gaussians' features from jittered ground-truth boxes; here they are those of the batch's foreground
/// RoIs (our reading), since cached features have no other boxes.
public struct BalancedClassificationObjective: WholeBatchObjective, StatefulObjective, HeadInitializingObjective,
  BatchPreparingObjective, FeatureAddingObjective
{
  /// The classes, then background.
  public let layout: any LogitLayout
  /// The names of the loss's parts: there is one, `bacl`.
  public let componentNames = ["bacl"]
  /// The strength α with which the margins of a class follow its confusion.
  public var strength = 0.85
  /// The score from which on a foreground RoI's negatives count.
  public var leastScore = 0.7
  /// The epoch, from 0, from which on negatives are left out at all.
  public var maskedEpoch = 0
  /// The classes drawn a batch.
  public var drawnClasses = 8
  /// The features drawn of each.
  public var drawnFeatures = 12
  /// Who is taken for whom.
  public private(set) var confusion: ForegroundConfusion
  /// The features of the classes.
  public private(set) var gaussians: FeatureGaussians
  private let prior: Double
  private var epoch = 0

  /// Makes the objective for C foreground classes.
  public init(classCount: Int, prior: Double = 0.001) {
    layout = SigmoidLayout(classCount: classCount, background: .objectness)
    confusion = ForegroundConfusion(classCount: classCount)
    gaussians = FeatureGaussians(classCount: classCount)
    self.prior = prior
  }

  /// Biases that give every class and background the prior.
  public func initialize(_ head: inout LinearHead) {
    head.setBiases(toPrior: prior)
    head.bias[layout.classCount] = head.bias[0]
  }

  /// Notes the epoch.
  public mutating func prepare(for batch: BatchContext) { epoch = batch.epoch }

  /// Learns the features of the batch, then draws some of the classes that are often mistaken.
  public mutating func moreFeatures(
    than features: UnsafePointer<Float>, width: Int, labels: [Int32], using generator: inout SeededGenerator
  ) -> (features: [Float], labels: [Int32]) {
    guard drawnClasses > 0, drawnFeatures > 0 else { return ([], []) }
    gaussians.add(features: features, width: width, labels: labels)
    let numbers = (0..<drawnClasses).map { _ in Double.random(in: 0..<1, using: &generator) }
    var (values, ofValues): ([Float], [Int32]) = ([], [])
    let mistaken = mistakenClasses(accuracies: confusion.accuracies, numbers: numbers)
    for label in mistaken where gaussians.isKnown[label] > 0 {
      for _ in 0..<drawnFeatures {
        let normals = (0..<width).map { _ in standardNormal(using: &generator) }
        values += gaussians.feature(of: label, normals: normals).map { Float($0) }
        ofValues.append(Int32(label))
      }
    }
    return (values, ofValues)
  }

  /// The loss by what was confused before, then what this batch confuses.
  public mutating func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let before = confusion
    confusion.add(logits: logits.values, columns: logits.columns, labels: logits.labels)
    return [
      sumOverRows(logits.rowCount, threads: threads) { rows in
        foregroundBalanceLoss(
          logits: logits.values, rows: rows, labels: logits.labels, confusion: before, strength: strength,
          leastScore: epoch >= maskedEpoch ? leastScore : nil, divisor: Float(max(1, logits.rowCount)))
      }
    ]
  }

  /// The confusion and the Gaussians.
  public var state: [String: [Double]] {
    var state = ["confusion": confusion.sums, "counts": confusion.counts, "known": gaussians.isKnown]
    if !gaussians.means.isEmpty {
      state["means"] = gaussians.means
      state["variances"] = gaussians.variances
    }
    return state
  }

  /// Takes them back.
  public mutating func restore(state: [String: [Double]]) throws {
    let count = layout.classCount
    confusion.sums = try state.values("confusion", count: count * count)
    confusion.counts = try state.values("counts", count: count)
    let known = try state.values("known", count: count)
    let size = state["means"]?.count ?? 0
    guard size % max(1, count) == 0 else {
      throw TrainingError.foreignCheckpoint("state.means does not hold features of \(count) classes")
    }
    gaussians.restore(
      means: size > 0 ? try state.values("means", count: size) : [],
      variances: size > 0 ? try state.values("variances", count: size) : [], isKnown: known)
  }
}

extension TrainingMethod {
  /// The method `bacl`, balanced classification with hallucinated features of rare classes.
  public static let balancedClassification = TrainingMethod(
    name: "bacl",
    summary: "a sigmoid per class, margins by what is mistaken for what, and features drawn of classes that often are",
    source: "Qi et al. 2023 (arXiv 2308.02213)",
    parameters: [
      .number("alpha", default: 0.85, in: 0...100, "α: the strength of the margins"),
      .number("least-score", default: 0.7, in: 0...1, "negatives below their RoI's own class count from this score on"),
      .integer("masked-epoch", default: 0, in: 0...1_000_000, "the epoch, from 0, from which on others do not count"),
      .integer("drawn-classes", default: 8, in: 0...256, "classes a batch that features are drawn of; 0 for none"),
      .integer("drawn-features", default: 12, in: 0...256, "features drawn of each"), .prior(0.001),
    ],
    noExampleLoss: "weighs an example by what earlier batches held",
    objective: { data, parameters in
      var objective = BalancedClassificationObjective(
        classCount: data.groups.classCount, prior: parameters.number("prior"))
      objective.strength = parameters.number("alpha")
      objective.leastScore = parameters.number("least-score")
      objective.maskedEpoch = parameters.integer("masked-epoch")
      objective.drawnClasses = parameters.integer("drawn-classes")
      objective.drawnFeatures = parameters.integer("drawn-features")
      return objective
    })
}
