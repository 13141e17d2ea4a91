import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads
import HeadLosses

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
  /// v of the hidden layers.
  var hiddenVelocity: [HiddenLayer]

  init(for head: LinearHead, momentum: Double, weightDecay: Double, clip: Double?) {
    self.momentum = Float(momentum)
    self.weightDecay = Float(weightDecay)
    self.clip = clip
    weightVelocity = Matrix(rows: head.weight.rows, columns: head.weight.columns)
    biasVelocity = Array(repeating: 0, count: head.bias.count)
    hiddenVelocity = head.hidden.map { HiddenLayer(zerosLike: $0) }
  }

  /// Takes one step.
  ///
  /// - Parameters:
  ///   - head: Its rows in `trained` are moved.
  ///   - own: Moved too.
  ///   - gradient: Of the classifier; of rows outside `trained` it is not read.
  ///   - hiddenGradients: Of the hidden layers.
  ///   - trained: Rows of the weight.
  ///   - rate: η.
  ///   - threads: How many threads to use.
  /// - Returns: ‖g‖₂ before clipping.
  mutating func step(
    _ head: inout LinearHead, own: inout OwnParameters?, gradient: HeadGradient, hiddenGradients: [HeadGradient],
    trained: Range<Int>, rate: Double, threads: Int
  ) -> Double {
    var squares =
      sumOfSquares(gradient, rows: trained, columns: head.weight.columns, threads: threads)
      + (own.map { bags_sum_of_squares($0.gradient, $0.gradient.count) } ?? 0)
    for (layer, gradient) in zip(head.hidden, hiddenGradients) {
      squares += sumOfSquares(gradient, rows: 0..<layer.outputs, columns: layer.inputs, threads: threads)
    }
    let norm = squares.squareRoot()
    let scale = Float(clip.map { min(1, $0 / (norm + 1e-6)) } ?? 1)
    let update = Update(rate: Float(rate), momentum: momentum, decay: weightDecay, scale: scale, threads: threads)
    update.moveWeight(&head.weight, &weightVelocity, gradient, rows: trained)
    update.moveBias(&head.bias, &biasVelocity, gradient, rows: trained)
    for (index, gradient) in hiddenGradients.enumerated() {
      let rows = 0..<head.hidden[index].outputs
      update.moveWeight(&head.hidden[index].weight, &hiddenVelocity[index].weight, gradient, rows: rows)
      update.moveBias(&head.hidden[index].bias, &hiddenVelocity[index].bias, gradient, rows: rows)
    }
    own?.step(rate: Float(rate), momentum: momentum, decay: weightDecay, scale: scale)
    return norm
  }

  private func sumOfSquares(_ gradient: HeadGradient, rows: Range<Int>, columns: Int, threads: Int) -> Double {
    let weight = gradient.weight + rows.lowerBound * columns
    return sumOverRows(rows.count, threads: threads) {
      bags_sum_of_squares(weight + $0.lowerBound * columns, $0.count * columns)
    } + bags_sum_of_squares(gradient.bias + rows.lowerBound, rows.count)
  }
}

/// One step for one layer.
private struct Update {
  let rate: Float
  let momentum: Float
  let decay: Float
  let scale: Float
  let threads: Int

  func moveWeight(
    _ weight: inout Matrix<Float>, _ velocity: inout Matrix<Float>, _ gradient: HeadGradient, rows: Range<Int>
  ) {
    let columns = weight.columns
    weight.withUnsafeMutableValues { weight in
      velocity.withUnsafeMutableValues { velocity in
        guard let weight = weight.baseAddress, let velocity = velocity.baseAddress else { return }
        inParallel(parts: threads) { part in
          let slice = evenSlice(of: rows.count, part: part, of: threads)
          let start = (rows.lowerBound + slice.lowerBound) * columns
          bags_sgd_step(
            weight + start, velocity + start, gradient.weight + start, slice.count * columns, rate, momentum, decay,
            scale)
        }
      }
    }
  }

  func moveBias(_ bias: inout [Float], _ velocity: inout [Float], _ gradient: HeadGradient, rows: Range<Int>) {
    bias.withUnsafeMutableBufferPointer { bias in
      velocity.withUnsafeMutableBufferPointer { velocity in
        guard let bias = bias.baseAddress, let velocity = velocity.baseAddress else { return }
        let first = rows.lowerBound
        bags_sgd_step(bias + first, velocity + first, gradient.bias + first, rows.count, rate, momentum, decay, scale)
      }
    }
  }
}

/// dLoss/dW [K, D] and dLoss/db [K].
struct HeadGradient {
  let weight: UnsafeMutablePointer<Float>
  let bias: UnsafeMutablePointer<Float>
}
