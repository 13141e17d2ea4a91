import DenseLinearAlgebra
import DetectionHeads

/// The classifiers of a cascade, trained together: Σ_s λ_s · the loss of stage s on its own features and labels
/// (mmdetection's `CascadeRoIHead`, `stage_loss_weights`).
///
/// Stages have their own logits, state and random draws; they meet only in the clipping of the gradient.
public struct StagedObjective: StatefulObjective, BatchPreparingObjective, HeadInitializingObjective {
  private var stages: [any HeadObjective]
  private let weights: [Float]
  private let stagedLayout: StagedLayout
  private var labels: [[Int32]] = []
  private var blockCounts: [Int] = []

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - stage: The loss of every stage; linear, without parameters of its own.
  ///   - weights: λ, one a stage, at least one.
  public init(_ stage: any HeadObjective, weights: [Double]) {
    stages = Array(repeating: stage, count: weights.count)
    self.weights = weights.map { Float($0) }
    stagedLayout = StagedLayout(stage.layout, stageCount: weights.count)
  }

  /// The logits of one stage after another.
  public var layout: any LogitLayout { stagedLayout }

  /// The names of the stages' parts in lines of metrics: `stage 1 G0`, …
  public var componentNames: [String] {
    stages.enumerated().flatMap { index, stage in stage.componentNames.map { "stage \(index + 1) \($0)" } }
  }

  /// Lets the loss of every stage set its starting values.
  public func initialize(_ head: inout LinearHead) {
    for (index, stage) in stages.enumerated() {
      guard var part = head.stage(index) else { continue }
      (stage as? any HeadInitializingObjective)?.initialize(&part)
      head.setStage(index, to: part)
    }
  }

  /// Looks up the labels of every stage.
  ///
  /// - Throws: What the source throws.
  public mutating func prepare(for batch: BatchContext) throws {
    labels = stages.indices.map { stage in
      batch.rois.rows.map { batch.source.classIndex(ofRow: $0, stage: stage) }
    }
    for index in stages.indices { try stages[index].prepareIfNeeded(for: batch) }
  }

  /// Chooses the blocks of every stage.
  public mutating func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock] {
    var blocks: [LogitBlock] = []
    blockCounts.removeAll(keepingCapacity: true)
    for index in stages.indices {
      let own = stages[index].blocks(labels: self.labels[index], using: &generator)
      let first = index * stagedLayout.base.logitCount
      blockCounts.append(own.count)
      for block in own {
        blocks.append(
          LogitBlock(
            logits: first + block.logits.lowerBound..<first + block.logits.upperBound, rows: block.rows, stage: index))
      }
    }
    return blocks
  }

  /// The weighted losses of every stage.
  public mutating func backward(
    _ blocks: [BlockLogits], batchCount: Int, threads: Int
  ) -> [Double] {
    var losses: [Double] = []
    var next = 0
    for index in stages.indices {
      let own = blocks[next..<next + blockCounts[index]].map { block in
        BlockLogits(
          values: block.values, rowCount: block.rowCount, columns: block.columns,
          labels: block.rows.map { rows in rows.map { labels[index][Int($0)] } } ?? labels[index], rows: block.rows)
      }
      next += blockCounts[index]
      let weight = weights[index]
      losses += stages[index].backward(own, batchCount: batchCount, threads: threads)
        .map { $0 * Double(weight) }
      guard weight != 1 else { continue }
      for block in own {
        for place in 0..<block.rowCount * block.columns { block.values[place] *= weight }
      }
    }
    return losses
  }

  /// The states of all stages.
  public var state: [String: [Double]] {
    var all: [String: [Double]] = [:]
    for (index, stage) in stages.enumerated() {
      for (name, values) in stage.savedState { all["stage\(index).\(name)"] = values }
    }
    return all
  }

  /// Takes back the states of all stages from a checkpoint.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if they are another training's.
  public mutating func restore(state: [String: [Double]]) throws {
    for index in stages.indices {
      let prefix = "stage\(index)."
      var own: [String: [Double]] = [:]
      for (name, values) in state where name.hasPrefix(prefix) { own[String(name.dropFirst(prefix.count))] = values }
      try stages[index].restore(savedState: own)
    }
  }
}
