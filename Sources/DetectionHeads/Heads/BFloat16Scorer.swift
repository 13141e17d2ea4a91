import CVectorKernels
import DenseLinearAlgebra

/// A linear head whose features and weight are rounded to bfloat16 when they are multiplied; sums, bias and scores are in
/// single precision.
///
/// The weight is packed once; RoIs are packed, multiplied and scored a few at a time, so that their logits stay in the
/// cache. Scores differ from the head's own by less than a thousandth (see Reports/precision.md).
public struct BFloat16Scorer: RoIScorer {
  /// The head that scores.
  public let head: LinearHead
  private let panels: [Panel]
  /// W in panels of 32 logits, those of the background by themselves.
  private let weights: [UInt16]

  /// Logits that are multiplied at once, and where their weights begin.
  private struct Panel {
    let logits: Range<Int>
    let start: Int
  }

  /// Packs the weight of a head.
  ///
  /// - Throws: `LinearHeadError` if the processor does not multiply in bfloat16, or the head is not one linear layer.
  public init(_ head: LinearHead) throws {
    guard ProductPrecision.bfloat16.isAvailable else {
      throw LinearHeadError(.unsupported, "this processor does not multiply in bf16, which takes AVX-512 BF16")
    }
    guard Self.suits(head) else {
      throw LinearHeadError(
        .unsupported, "only a head of one linear layer on the features of RoIs is multiplied in bf16")
    }
    self.head = head
    let background = (head.layout as? GroupedLayout)?.backgroundSlice ?? 0..<0
    let size = Int(BAGS_PANEL)
    let padded = (head.inputs + size - 1) / size * size
    var panels: [Panel] = []
    var start = 0
    for part in [background, background.upperBound..<head.bias.count] {
      for first in stride(from: part.lowerBound, to: part.upperBound, by: size) {
        let logits = first..<min(first + size, part.upperBound)
        panels.append(Panel(logits: logits, start: start))
        start += padded * (logits.count <= Int(BAGS_TAIL) ? logits.count : size)
      }
    }
    self.panels = panels
    weights = [UInt16](unsafeUninitializedCapacity: start) { weights, count in
      head.weight.withUnsafeValues { values in
        guard let values = values.baseAddress, let weights = weights.baseAddress else { return }
        for panel in panels {
          bags_pack_weights_bf16(
            values + panel.logits.lowerBound * head.inputs, head.inputs, panel.logits.count, head.inputs,
            weights + panel.start)
        }
      }
      count = start
    }
  }

  /// Whether a head is one linear layer on the features of RoIs.
  public static func suits(_ head: LinearHead) -> Bool {
    guard case .linear = head.layout.product else { return false }
    return head.hidden.isEmpty && head.layout.stageCount == 1 && head.layout.anchorsPerLocation == nil
  }

  /// The length D of a RoI's features.
  public var inputs: Int { head.inputs }
  /// The number C of foreground classes.
  public var classCount: Int { head.layout.classCount }
  /// The number K of logits, and room for the packed features of two RoIs.
  public var scratchCount: Int { head.bias.count + Self.panelCount(inputs) * Int(BAGS_PANEL) }
  /// 96, whose logits stay in the cache.
  public var rowsAtATime: Int { 96 }

  /// Computes the logits in bfloat16, then the scores by the head's layout.
  public func score(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into scores: UnsafeMutablePointer<Float>
  ) {
    multiply(features, count: count, scratch: scratch, panels: panels[...], stride: head.bias.count)
    head.layout.scores(logits: scratch, count: count, into: scores)
  }

  /// p₀ in the grouped layouts, as in ``LinearHead``; rounded as in the scores.
  public func boundScores(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into bounds: UnsafeMutablePointer<Float>
  ) -> Bool {
    guard let layout = head.layout as? GroupedLayout, layout.background != .none else { return false }
    let width = layout.backgroundSlice.count
    multiply(features, count: count, scratch: scratch, panels: panels[..<1], stride: width)
    for row in 0..<count { bounds[row] = layout.foregroundProbability(scratch + row * width) }
    return true
  }

  /// The logits of some panels, at the start of `scratch`.
  private func multiply(
    _ features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>, panels: ArraySlice<Panel>,
    stride: Int
  ) {
    let packed = UnsafeMutableRawPointer(scratch + count * head.bias.count).assumingMemoryBound(to: UInt16.self)
    // The panels of one RoI would displace each other in the cache at a large power of two; few RoIs leave no room.
    let packedCount = (count + 1) / 2 * 2 + (count < 16 ? 0 : 12)
    bags_pack_rows_bf16(features, inputs, nil, 0, count, inputs, packedCount, packed, nil)
    weights.withUnsafeBufferPointer { weights in
      head.bias.withUnsafeBufferPointer { bias in
        guard let weights = weights.baseAddress, let bias = bias.baseAddress else { return }
        for panel in panels {
          bags_multiply_forward_bf16(
            packed, packedCount, inputs, 0, count, weights + panel.start, panel.logits.count,
            bias + panel.logits.lowerBound, scratch + panel.logits.lowerBound, stride)
        }
      }
    }
  }

  private static func panelCount(_ inputs: Int) -> Int { (inputs + Int(BAGS_PANEL) - 1) / Int(BAGS_PANEL) }
}
