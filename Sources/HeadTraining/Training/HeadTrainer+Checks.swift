import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

extension HeadTrainer {
  /// Throws where head, objective, examples and settings do not fit each other.
  static func check(
    head: LinearHead, objective: any HeadObjective, source: any RoISource, settings: TrainingSettings,
    boxRegression: BoxRegression?, hasAdversary: Bool
  ) throws {
    guard head.inputs == source.featureCount else {
      throw LinearHeadError(.wrongShape, "the head takes \(head.inputs) features, the RoIs have \(source.featureCount)")
    }
    guard head.layout.unnormed.name == objective.layout.name,
      head.bias.count == objective.layout.anchored(like: head.layout).logitCount
    else {
      throw LinearHeadError(
        .unsupported, "a head of layout \(head.layout.name) cannot be trained as \(objective.layout.name)")
    }
    if let fault = settings.fault {
      throw LinearHeadError(.badSetting, "these settings cannot be trained with: \(fault)")
    }
    guard head.hidden.isEmpty && head.layout.stageCount == 1 || objective.trainsDeepHeads else {
      throw LinearHeadError(
        .unsupported,
        "hidden layers and stages need logits that are linear in the features, and a loss that trains all of them")
    }
    guard !(head.layout is NormedLayout) || objective.trainsNormedHeads && head.hidden.isEmpty else {
      throw LinearHeadError(
        .unsupported,
        "a normed linear layer stands alone, under a loss whose logits are linear in the features and that trains all of "
          + "them")
    }
    guard boxRegression == nil || (head.hidden.isEmpty && head.layout.stageCount == 1) else {
      throw LinearHeadError(
        .unsupported, "a box regressor is trained beside one linear layer, not beside hidden layers or stages")
    }
    guard !hasAdversary || objective.trainsDeepHeads && head.layout.stageCount == 1 && head.layout.product == .linear
    else { throw LinearHeadError(.unsupported, adversaryNeeds) }
    guard source.imageCount > 0 else { throw LinearHeadError(.missingData, "there are no RoIs to train on") }
    let anchorSource = source as? any AnchorSource
    guard head.layout.anchorsPerLocation == anchorSource?.anchorsPerLocation else {
      throw LinearHeadError(
        .wrongShape,
        "the head is for \(head.layout.anchorsPerLocation.map { "\($0) anchors a location" } ?? "RoIs"), the examples are "
          + (anchorSource.map { "\($0.anchorsPerLocation) anchors a location" } ?? "RoIs"))
    }
    if let fault = head.tower.isEmpty ? nil : head.tower.fault(below: head.weight.columns / 9) {
      throw LinearHeadError(.wrongShape, fault)
    }
    if head.tower.normGroups == nil {
      throw LinearHeadError(
        .missingNormGroups, "the detector's file does not say how many groups the GroupNorm of its convolutions has")
    }
    if let anchorSource, anchorSource.featureCount != 9 * anchorSource.channelCount {
      throw LinearHeadError(
        .wrongShape,
        "anchors of \(anchorSource.channelCount) channels have patches of 9 times as many numbers, not of "
          + "\(anchorSource.featureCount)")
    }
    guard settings.precision.isAvailable else {
      throw LinearHeadError(
        .unsupported,
        "this processor does not multiply in \(settings.precision.rawValue), which takes AVX-512 BF16; fp32 it does")
    }
    if anchorSource != nil, settings.precision != .single {
      throw LinearHeadError(.unsupported, "a dense head is multiplied in fp32, not in \(settings.precision.rawValue)")
    }
    if let fault = anchorSource == nil ? nil : fault(with: objective, boxRegression: boxRegression) {
      throw LinearHeadError(.unsupported, fault)
    }
    if anchorSource == nil {
      try source.checkClasses(lessThan: objective.layout.classCount, stageCount: head.layout.stageCount)
    }
  }

  /// What an adversary needs of the loss, in one line.
  static let adversaryNeeds =
    "an adversary needs one stage, logits that are linear in the features, and a loss that trains all of them and makes "
    + "no features"

  /// The reason why a dense head cannot be trained so, in one line; `nil` where it can.
  private static func fault(with objective: any HeadObjective, boxRegression: BoxRegression?) -> String? {
    if boxRegression != nil { return "a box regressor is trained beside RoIs, a regression branch beside feature maps" }
    return objective.trainsDenseHeads
      ? nil
      : "a dense head needs logits that are linear in the features, and a loss that trains all of them and makes no "
        + "features"
  }
}
