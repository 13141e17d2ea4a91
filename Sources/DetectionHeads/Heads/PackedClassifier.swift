import CVectorKernels

/// A linear classifier whose weight is packed for its products once and for all, so that several threads score a few RoIs
/// each at the speed of many. The scores of a RoI do not depend on those that are scored with it.
///
/// Shapes: N RoIs, D features, K logits.
package struct PackedClassifier: RoIScorer {
  private let head: LinearHead
  private let panels: Panels

  /// W in panels of 32 logits (see `product.h`).
  private final class Panels: Sendable {
    nonisolated(unsafe) let values: UnsafeMutablePointer<Float>
    init(count: Int) {
      // At a cache line, since the kernels load one at a time.
      values = UnsafeMutableRawPointer.allocate(byteCount: max(1, count) * MemoryLayout<Float>.stride, alignment: 64)
        .bindMemory(to: Float.self, capacity: max(1, count))
    }
    deinit { values.deallocate() }
  }

  private static let panel = Int(BAGS_PANEL)
  /// The RoIs that are packed at a time: their features stay in the cache, and no panel of them displaces another.
  private static let rowsAtATime = 252

  /// Packs a head; `nil` where its logits are more than X Wᵀ + b.
  package init?(_ head: LinearHead) {
    guard head.hidden.isEmpty, head.layout.stageCount == 1, head.layout.product == .linear else { return nil }
    self.head = head
    let inputs = head.inputs
    let logitCount = head.bias.count
    let panelSize = Self.padded(inputs) * Self.panel
    panels = Panels(count: Self.padded(logitCount) * Self.padded(inputs))
    head.weight.withUnsafeValues { weight in
      guard let weight = weight.baseAddress else { return }
      for (index, first) in stride(from: 0, to: logitCount, by: Self.panel).enumerated() {
        bags_pack_weights(
          weight + first * inputs, inputs, min(Self.panel, logitCount - first), inputs,
          panels.values + index * panelSize)
      }
    }
  }

  /// D.
  package var inputs: Int { head.inputs }
  /// The number C of foreground classes.
  package var classCount: Int { head.classCount }
  /// Room for the logits of a RoI and its packed features.
  package var scratchCount: Int { head.scratchCount + Self.padded(head.inputs) }

  /// Computes the logits, then the scores by the head's layout.
  package func score(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into scores: UnsafeMutablePointer<Float>
  ) {
    let logitCount = head.bias.count
    let packed = scratch + count * head.scratchCount
    for first in stride(from: 0, to: count, by: Self.rowsAtATime) {
      let rows = min(Self.rowsAtATime, count - first)
      bags_pack_rows(features + first * inputs, inputs, nil, 0, rows, inputs, rows, packed)
      head.bias.withUnsafeBufferPointer { bias in
        guard let bias = bias.baseAddress else { return }
        for (index, logit) in stride(from: 0, to: logitCount, by: Self.panel).enumerated() {
          bags_multiply_forward(
            packed, rows, inputs, 0, rows, panels.values + index * Self.padded(inputs) * Self.panel,
            min(Self.panel, logitCount - logit), bias + logit, scratch + first * logitCount + logit, logitCount)
        }
      }
    }
    head.layout.scores(logits: scratch, count: count, into: scores)
  }

  /// The bounds of the head itself.
  package func boundScores(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into bounds: UnsafeMutablePointer<Float>
  ) -> Bool { head.boundScores(features: features, count: count, scratch: scratch, into: bounds) }

  private static func padded(_ count: Int) -> Int { (count + panel - 1) / panel * panel }
}
