import DetectionHeads
import FeatureSets
import LVISDatasets

/// The foreground RoIs of a batch that a box regressor learns from, and the deltas that it should give for them.
package struct BoxTargets {
  /// Places in the batch, ascending.
  package private(set) var indices: [Int] = []
  /// Each place's class.
  package private(set) var classes: [Int] = []
  /// [P, 4], in units of the standard deviations.
  package private(set) var deltas: [Float] = []

  /// Encodes the ground truth of foreground RoIs. A RoI is left out where it or its ground truth has no area.
  ///
  /// - Parameters:
  ///   - batch: The RoIs.
  ///   - source: Gives proposals and ground truth.
  ///   - coder: Whose rules; its standard deviations are those of a regressor.
  /// - Throws: What the source throws.
  package init(of batch: RoIBatch, from source: any RoISource, coder: BoxCoder) throws {
    for image in batch.images {
      guard image.contains(where: { batch.labels[$0] >= 0 }), let rows = batch.rowSpan(of: image),
        let boxes = try source.values(.boxes, rows: rows),
        let objects = try source.values(.groundTruthBoxes, rows: rows)
      else { continue }
      for place in image where batch.labels[place] >= 0 {
        let offset = batch.rows[place] - rows.lowerBound
        guard let target = coder.encode(CornerBox(objects, at: offset), from: CornerBox(boxes, at: offset)) else {
          continue
        }
        indices.append(place)
        classes.append(Int(batch.labels[place]))
        deltas += (0..<4).map { target[$0] }
      }
    }
  }
}

extension BoxTargets {
  /// The same targets by ascending class, those of a class in their order.
  package var sortedByClass: BoxTargets {
    let order = indices.indices.sorted { (classes[$0], $0) < (classes[$1], $1) }
    var sorted = self
    sorted.indices = order.map { indices[$0] }
    sorted.classes = order.map { classes[$0] }
    sorted.deltas = order.flatMap { deltas[4 * $0..<4 * $0 + 4] }
    return sorted
  }

  /// The deltas that the source itself predicts for these RoIs, [P, 4] in units of the standard deviations; `nil` where
  /// it has none.
  package func cachedDeltas(of batch: RoIBatch, from source: any RoISource) throws -> [Float]? {
    var cached: [Float] = []
    for (place, index) in zip(indices, classes) {
      let row = batch.rows[place]
      guard let deltas = try source.values(.boxDeltas, rows: row..<row + 1) else { return nil }
      let first = deltas.count == 4 ? 0 : 4 * index
      guard first + 4 <= deltas.count else {
        throw FeatureSetError(
          path: "the examples", tensor: FeatureColumn.boxDeltas.rawValue, row: row, code: .shape,
          detail:
            "it has \(deltas.count) numbers; 4, or 4 for each class, are expected, and the RoI is of class \(index)")
      }
      cached += (0..<4).map { deltas[first + $0] / BoxCoder.regressorDeviations[$0] }
    }
    return cached
  }
}

extension CornerBox {
  /// The box that stands as a row of [N, 4].
  package init(_ values: [Float], at row: Int) {
    self.init(values[4 * row], values[4 * row + 1], values[4 * row + 2], values[4 * row + 3])
  }
}

extension BoxLoss {
  /// The loss of every RoI of a batch by itself, 0 where it has no target.
  package func losses(deltas: [Float], targets: BoxTargets, count: Int) -> [Float] {
    var losses = [Float](repeating: 0, count: count)
    deltas.withUnsafeBufferPointer { deltas in
      targets.deltas.withUnsafeBufferPointer { wanted in
        guard let deltas = deltas.baseAddress, let wanted = wanted.baseAddress else { return }
        for (position, place) in targets.indices.enumerated() {
          losses[place] = loss(deltas: deltas + 4 * position, targets: wanted + 4 * position)
        }
      }
    }
    return losses
  }
}
