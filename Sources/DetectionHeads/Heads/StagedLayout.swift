/// The logits of S classifiers of a cascade, one stage after another (Cascade R-CNN; Cai and Vasconcelos 2018). Scores
/// are those of the mean of the stages' logits, as in mmdetection's `CascadeRoIHead`.
///
/// Shapes: N RoIs, S stages, K logits a stage, C foreground classes.
public struct StagedLayout: LogitLayout {
  /// The layout of every stage's logits.
  public let base: any LogitLayout
  /// The number S of stages.
  public let stageCount: Int

  /// Makes a layout of `stageCount` classifiers, each laid out as `base`.
  public init(_ base: any LogitLayout, stageCount: Int) {
    self.base = base
    self.stageCount = stageCount
  }

  /// The name of the stages' layout, which head files carry.
  public var name: String { base.name }
  /// The number C of foreground classes.
  public var classCount: Int { base.classCount }
  /// The number of logits of all stages, S · K.
  public var logitCount: Int { stageCount * base.logitCount }
  /// The logit of a class in the first stage.
  public func logit(ofClass index: Int) -> Int { base.logit(ofClass: index) }
  /// The logits of background in the first stage.
  public var backgroundLogits: [Int] { base.backgroundLogits }
  /// The word of the stages' layout.
  public var backgroundKind: String { base.backgroundKind }
  /// The `others` logits of all stages.
  public var othersLogits: [Int] {
    (0..<stageCount).flatMap { stage in base.othersLogits.map { stage * base.logitCount + $0 } }
  }

  /// The scores of the mean of the stages' logits.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    let width = base.logitCount
    let share = 1 / Float(stageCount)
    // A row of means ends before the next row of logits begins.
    for row in 0..<count {
      let (mean, stages) = (logits + row * width, logits + row * logitCount)
      for column in 0..<width {
        var sum: Float = 0
        for stage in 0..<stageCount { sum += stages[stage * width + column] }
        mean[column] = sum * share
      }
    }
    base.scores(logits: logits, count: count, into: scores)
  }
}
