import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads

/// Turns the linear products into cosines: x and the rows of W are divided by their norms before, and the gradient of W
/// is projected after (`torch.nn.functional.normalize` and its derivative).
///
/// Shapes: N RoIs, D features, K logits.
final class CosineProducts {
  private let normalized = ScratchBuffer()
  private let threads: Int

  init(threads: Int) { self.threads = threads }

  /// x / ‖x‖ of every row.
  ///
  /// - Parameters:
  ///   - features: [count, inputs]; unchanged.
  ///   - count: N.
  ///   - inputs: D.
  /// - Returns: [count, inputs], valid until the next call.
  func normalize(_ features: UnsafePointer<Float>, count: Int, inputs: Int) -> UnsafeMutablePointer<Float> {
    let result = normalized.floats(count * inputs)
    inParallel(parts: threads) { part in
      for row in evenSlice(of: count, part: part, of: threads) {
        scale(
          features + row * inputs, by: inverseNorm(features + row * inputs, inputs), inputs, into: result + row * inputs
        )
      }
    }
    return result
  }

  /// The head with rows of length 1 and without bias.
  func normalize(_ head: LinearHead) -> LinearHead {
    var unit = head
    let inputs = head.inputs
    let rows = head.weight.rows
    unit.bias = Array(repeating: 0, count: rows)
    unit.weight.withUnsafeMutableValues { weight in
      guard let weight = weight.baseAddress else { return }
      for row in 0..<rows {
        scale(
          weight + row * inputs, by: inverseNorm(weight + row * inputs, inputs), inputs, into: weight + row * inputs)
      }
    }
    return unit
  }

  /// From the gradient of ŵ = w / ‖w‖ to that of w: (g − (g · ŵ) ŵ) / ‖w‖. There is no bias, so its gradient is 0.
  ///
  /// - Parameters:
  ///   - gradient: Of the normalised head; becomes that of `head`.
  ///   - normalized: What `normalize` made of `head`.
  ///   - head: The head itself.
  func project(_ gradient: LayerGradient, normalized: LinearHead, head: LinearHead) {
    let inputs = head.inputs
    head.weight.withUnsafeValues { weight in
      normalized.weight.withUnsafeValues { unit in
        guard let weight = weight.baseAddress, let unit = unit.baseAddress else { return }
        inParallel(parts: threads) { part in
          for row in evenSlice(of: head.weight.rows, part: part, of: threads) {
            let g = gradient.weight + row * inputs
            let direction = unit + row * inputs
            var along = 0.0
            for column in 0..<inputs { along += Double(g[column]) * Double(direction[column]) }
            let factor = inverseNorm(weight + row * inputs, inputs)
            for column in 0..<inputs { g[column] = (g[column] - Float(along) * direction[column]) * factor }
          }
        }
      }
    }
    gradient.bias.update(repeating: 0, count: head.weight.rows)
  }
}

private func scale(
  _ x: UnsafePointer<Float>, by factor: Float, _ count: Int, into result: UnsafeMutablePointer<Float>
) {
  for index in 0..<count { result[index] = x[index] * factor }
}
