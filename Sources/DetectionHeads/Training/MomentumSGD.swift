import CVectorKernels
import DenseLinearAlgebra

/// Stochastic gradient descent with momentum, weight decay and clipping of the gradient's norm, as `torch.optim.SGD` and
/// `clip_grad_norm_` define them: g ← g · min(1, clip / (‖g‖ + 1e-6)); v ← μ v + g + λ w; w ← w − η v. Bias decays like
/// weight.
struct MomentumSGD: Sendable {
  var momentum: Float
  var weightDecay: Float
  /// The largest ‖g‖₂ over weight and bias together; `nil` for no limit.
  var clip: Double?
  /// v, for weight and bias.
  var weightVelocity: Matrix<Float>
  var biasVelocity: [Float]

  init(for head: LinearHead, momentum: Double, weightDecay: Double, clip: Double?) {
    self.momentum = Float(momentum)
    self.weightDecay = Float(weightDecay)
    self.clip = clip
    weightVelocity = Matrix(rows: head.weight.rows, columns: head.weight.columns)
    biasVelocity = Array(repeating: 0, count: head.bias.count)
  }

  /// Takes one step.
  ///
  /// - Parameters:
  ///   - head: Its rows in `trained` are moved.
  ///   - own: Moved too.
  ///   - gradient: Of the head; of rows outside `trained` it is not read.
  ///   - trained: Rows of the weight.
  ///   - rate: η.
  ///   - threads: How many threads to use.
  /// - Returns: ‖g‖₂ before clipping.
  mutating func step(
    _ head: inout LinearHead, own: inout OwnParameters?, gradient: HeadGradient, trained: Range<Int>, rate: Double,
    threads: Int
  ) -> Double {
    let rows = trained.count
    let columns = head.weight.columns
    let weightGradient = gradient.weight + trained.lowerBound * columns
    let biasGradient = gradient.bias + trained.lowerBound
    let norm =
      (sumOverRows(rows, threads: threads) {
        bags_sum_of_squares(weightGradient + $0.lowerBound * columns, $0.count * columns)
      } + bags_sum_of_squares(biasGradient, rows)
      + (own.map { bags_sum_of_squares($0.gradient, $0.gradient.count) } ?? 0)).squareRoot()
    let scale = Float(clip.map { min(1, $0 / (norm + 1e-6)) } ?? 1)
    let (rate, momentum, decay) = (Float(rate), momentum, weightDecay)
    head.weight.withUnsafeMutableValues { weight in
      weightVelocity.withUnsafeMutableValues { velocity in
        guard let weight = weight.baseAddress, let velocity = velocity.baseAddress else { return }
        let first = trained.lowerBound * columns
        inParallel(parts: threads) { part in
          let slice = evenSlice(of: rows, part: part, of: threads)
          let start = slice.lowerBound * columns
          bags_sgd_step(
            weight + first + start, velocity + first + start, weightGradient + start, slice.count * columns, rate,
            momentum, decay, scale)
        }
      }
    }
    head.bias.withUnsafeMutableBufferPointer { bias in
      biasVelocity.withUnsafeMutableBufferPointer { velocity in
        guard let bias = bias.baseAddress, let velocity = velocity.baseAddress else { return }
        bags_sgd_step(
          bias + trained.lowerBound, velocity + trained.lowerBound, biasGradient, rows, rate, momentum, decay, scale)
      }
    }
    own?.step(rate: rate, momentum: momentum, decay: decay, scale: scale)
    return norm
  }
}

/// dLoss/dW [K, D] and dLoss/db [K].
struct HeadGradient {
  let weight: UnsafeMutablePointer<Float>
  let bias: UnsafeMutablePointer<Float>
}
