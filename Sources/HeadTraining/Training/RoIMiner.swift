import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import LVISDatasets

/// Lets a selector choose among the RoIs of a batch: gathers what it looks at, and takes the others out.
final class RoIMiner {
  private let selector: any RoISelector
  private let source: any RoISource
  private let boxTrainer: BoxRegressionTrainer?
  private let threads: Int
  private let logits = ScratchBuffer()

  /// - Parameters:
  ///   - selector: What chooses.
  ///   - objective: What is minimised.
  ///   - source: The RoIs.
  ///   - boxTrainer: The box regressor that is trained beside; `nil` for none.
  ///   - threads: How many threads to use.
  /// - Throws: `LinearHeadError` if the selector needs what objective or source cannot give.
  init(
    _ selector: any RoISelector, objective: any HeadObjective, source: any RoISource, boxTrainer: BoxRegressionTrainer?,
    threads: Int
  ) throws {
    if selector.needs.contains(.classLosses) && !(objective is any ExampleLossObjective) {
      throw LinearHeadError(
        .unsupported,
        "this mining ranks each RoI by its own loss, which this method does not give"
          + (objective.layout.stageCount > 1 ? " for several stages together" : ""))
    }
    if selector.needs.contains(.boxes), try source.first(.boxes) == nil {
      throw LinearHeadError(.missingData, "this mining looks at proposals, and the RoIs have none")
    }
    if selector.needs.contains(.boxLossesAlways), boxTrainer == nil, try !Self.hasCachedBoxLosses(source) {
      throw LinearHeadError(
        .missingBoxLosses,
        "this mining looks at box losses: the RoIs need gt_boxes, and box_deltas or a box regressor trained beside")
    }
    self.selector = selector
    self.source = source
    self.boxTrainer = boxTrainer
    self.threads = threads
  }

  /// Takes out the RoIs that are not chosen.
  ///
  /// - Parameters:
  ///   - batch: The RoIs; those chosen are left.
  ///   - features: Theirs [N, D]; those of the chosen ones move to the front.
  ///   - head: The classifier.
  ///   - objective: What is minimised.
  ///   - sharing: Where the batch is in shards; features are there of those of this process alone.
  ///   - generator: For what is drawn at random.
  /// - Throws: What the source throws.
  func reduce(
    _ batch: inout RoIBatch, features: UnsafeMutablePointer<Float>, head: LinearHead, objective: any HeadObjective,
    sharing: StepSharing?, using generator: inout SeededGenerator
  ) throws {
    let needs = selector.needs
    let shards = sharing?.rows(ofImages: batch.images, count: batch.labels.count)
    if needs.contains(.boxes) { batch.boxes = try boxes(of: batch) }
    if needs.contains(.classLosses), let objective = objective as? any ExampleLossObjective {
      batch.classLosses = [Float](repeating: 0, count: batch.labels.count)
      for rows in shards.map({ Array($0.shards[$0.own]) }) ?? [0..<batch.labels.count] {
        setClassLosses(of: &batch, rows: rows, features: features, head: head, objective: objective)
      }
      try batch.classLosses.withUnsafeMutableBufferPointer { losses in
        guard let losses = losses.baseAddress, let shards else { return }
        try sharing?.gather(losses, counts: shards.shards.map(\.count), width: 1)
      }
    }
    if needs.contains(.boxLosses) {
      if boxTrainer != nil { try sharing?.gatherForeground(of: batch, in: features, width: source.featureCount) }
      batch.boxLosses = try boxLosses(of: batch, features: features)
    }
    let chosen = selector.select(from: batch, using: &generator)
    let own = shards?.ownRows ?? batch.labels.indices
    for (place, row) in chosen.enumerated() where Int(row) != place && own.contains(Int(row)) {
      (features + place * head.inputs).update(from: features + Int(row) * head.inputs, count: head.inputs)
    }
    batch.keep(chosen)
  }

  /// Takes out the anchors that are not chosen.
  ///
  /// - Parameters:
  ///   - batch: The anchors; those chosen are left.
  ///   - anchors: The products of the batch.
  ///   - head: The dense head.
  ///   - objective: What is minimised.
  ///   - generator: For what is drawn at random.
  /// - Throws: What the source throws.
  func reduce(
    _ batch: inout RoIBatch, anchors: AnchorProducts, head: LinearHead, objective: any HeadObjective,
    using generator: inout SeededGenerator
  ) throws {
    let needs = selector.needs
    if needs.contains(.boxes) { batch.boxes = try boxes(of: batch) }
    if needs.contains(.classLosses), let objective = objective as? any ExampleLossObjective {
      batch.classLosses = classLosses(of: batch, anchors: anchors, layer: head.classifier, objective: objective)
    }
    batch.keep(selector.select(from: batch, using: &generator))
  }

  private func classLosses(
    of batch: RoIBatch, anchors: AnchorProducts, layer: LinearRows, objective: some ExampleLossObjective
  ) -> [Float] {
    let columns = objective.layout.logitCount
    let rows = logits.floats(threads * columns)
    var losses = [Float](repeating: 0, count: batch.labels.count)
    losses.withUnsafeMutableBufferPointer { losses in
      anchors.forEachExample(layer) { part, position, logits in
        // The loss overwrites its logits, of which some are wanted again.
        let own = rows + part * columns
        own.update(from: logits, count: columns)
        losses[position] = objective.exampleLoss(own, label: batch.labels[position])
      }
    }
    return losses
  }

  private func boxes(of batch: RoIBatch) throws -> [CornerBox] {
    var boxes: [CornerBox] = []
    for image in batch.images {
      guard let rows = batch.rowSpan(of: image), let values = try source.values(.boxes, rows: rows) else { continue }
      boxes += image.map { CornerBox(values, at: batch.rows[$0] - rows.lowerBound) }
    }
    return boxes
  }

  private func setClassLosses(
    of batch: inout RoIBatch, rows: Range<Int>, features: UnsafePointer<Float>, head: LinearHead,
    objective: any ExampleLossObjective
  ) {
    let columns = head.bias.count
    let z = logits.floats(rows.count * columns)
    let labels = batch.labels
    batch.classLosses.withUnsafeMutableBufferPointer { losses in
      inParallel(parts: threads) { part in
        let share = evenSlice(of: rows.count, part: part, of: threads)
        if share.isEmpty { return }
        let first = rows.lowerBound + share.lowerBound
        head.logits(features: features + first * head.inputs, count: share.count, into: z + share.lowerBound * columns)
        for place in share {
          let row = rows.lowerBound + place
          losses[row] = objective.exampleLoss(z + place * columns, label: labels[row])
        }
      }
    }
  }

  /// By the regressor that is trained beside, else by the deltas that the source predicts; empty where it has none, or no
  /// ground truth.
  private func boxLosses(of batch: RoIBatch, features: UnsafePointer<Float>) throws -> [Float] {
    if let boxTrainer { return try boxTrainer.losses(of: batch, features: features, source: source) }
    guard try Self.hasCachedBoxLosses(source) else { return [] }
    let targets = try BoxTargets(
      of: batch, from: source, coder: BoxCoder(standardDeviations: BoxCoder.regressorDeviations))
    guard let deltas = try targets.cachedDeltas(of: batch, from: source) else { return [] }
    return SmoothL1(beta: 1).losses(deltas: deltas, targets: targets, count: batch.labels.count)
  }

  private static func hasCachedBoxLosses(_ source: any RoISource) throws -> Bool {
    try source.first(.groundTruthBoxes) != nil && source.first(.boxDeltas) != nil
  }
}
