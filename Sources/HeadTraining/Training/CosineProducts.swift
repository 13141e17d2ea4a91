import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads

/// Turns the linear products into cosines: x and the rows of W are divided by their norms before, and the gradient of W
/// is projected after (`torch.nn.functional.normalize` and its derivative).
///
/// Those of a normed linear layer are T-fold and keep the biases, and 1e-6 is added to the norms (mmdetection
/// `NormedLinear`).
///
/// Shapes: N RoIs, D features, K logits.
final class CosineProducts {
  private let normalized = ScratchBuffer()
  private let threads: Int
  /// T; `nil` for plain cosines without biases.
  private let temperature: Float?

  /// For a head of such a product; `nil` for one whose logits are linear in the features.
  init?(_ product: LogitProduct, threads: Int) {
    switch product {
    case .cosine: temperature = nil
    case .normed(let value): temperature = value
    case .linear, .linearThenCosine: return nil
    }
    self.threads = threads
  }

  /// What x is divided by, as a factor.
  private func inverse(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    temperature == nil ? inverseNorm(x, count) : inverseLength(x, count)
  }

  /// x / ‖x‖ of every row, or T x / (‖x‖ + ε).
  ///
  /// - Parameters:
  ///   - features: [N, inputs]; unchanged.
  ///   - rows: Those that are wanted.
  ///   - inputs: D.
  /// - Returns: [N, inputs], valid until the next call; the other rows are left as they are.
  func normalize(
    _ features: UnsafePointer<Float>, rows: Range<Int>, inputs: Int
  ) -> UnsafeMutablePointer<Float> {
    let result = normalized.floats(rows.upperBound * inputs)
    inParallel(parts: threads) { part in
      for place in evenSlice(of: rows.count, part: part, of: threads) {
        let row = rows.lowerBound + place
        let x = features + row * inputs
        scale(x, by: inverse(x, inputs) * (temperature ?? 1), inputs, into: result + row * inputs)
      }
    }
    return result
  }

  /// The head with rows of length 1, and without bias where they are plain cosines.
  func normalize(_ head: LinearHead) -> LinearHead {
    var unit = head
    let inputs = head.inputs
    let rows = head.weight.rows
    if temperature == nil { unit.bias = Array(repeating: 0, count: rows) }
    unit.weight.withUnsafeMutableValues { weight in
      guard let weight = weight.baseAddress else { return }
      for row in 0..<rows {
        scale(weight + row * inputs, by: inverse(weight + row * inputs, inputs), inputs, into: weight + row * inputs)
      }
    }
    return unit
  }

  /// From the gradient of ŵ = w / (‖w‖ + ε) to that of w: (g − (g · ŵ) w / ‖w‖) / (‖w‖ + ε), ε 0 for plain cosines; these
  /// have no bias, so its gradient is 0.
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
            let factor = inverse(weight + row * inputs, inputs)
            // ŵ / factor is w, whose norm is less than 1 / factor by ε.
            let share = temperature == nil ? along : along * Double(inverseNorm(weight + row * inputs, inputs) / factor)
            for column in 0..<inputs { g[column] = (g[column] - Float(share) * direction[column]) * factor }
          }
        }
      }
    }
    if temperature == nil { gradient.bias.update(repeating: 0, count: head.weight.rows) }
  }
}

private func scale(
  _ x: UnsafePointer<Float>, by factor: Float, _ count: Int, into result: UnsafeMutablePointer<Float>
) {
  for index in 0..<count { result[index] = x[index] * factor }
}
