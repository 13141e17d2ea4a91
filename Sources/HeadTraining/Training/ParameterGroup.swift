import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads
import HeadLosses

/// Parameters that are moved together: the norm of their gradient is clipped over all of them.
struct ParameterGroup: Sendable {
  var parameters: [Parameter]

  init(_ parameters: [Parameter]) { self.parameters = parameters }

  /// Takes values and momentum of its parameters out of those of a checkpoint.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if one is missing or has another shape.
  mutating func restore(from saved: [Parameter]) throws {
    for index in parameters.indices {
      let parameter = parameters[index]
      guard let match = saved.first(where: { $0.name == parameter.name }), match.shape == parameter.shape else {
        throw TrainingError.foreignCheckpoint("it has no \(parameter.name) of the shape \(parameter.shape)")
      }
      parameters[index].values = match.values
      parameters[index].velocity = match.velocity
    }
  }
}

/// Stochastic gradient descent with momentum, weight decay and clipping of the gradient's norm, as `torch.optim.SGD` and
/// `clip_grad_norm_` define them: g ← g · min(1, clip / (‖g‖ + 1e-6)); v ← μ v + g + λ w; w ← w − η v. Bias decays like
/// weight.
struct MomentumSGD: Sendable {
  let momentum: Float
  let weightDecay: Float
  /// The largest ‖g‖₂ of a group; `nil` for no limit.
  let clip: Double?
  let threads: Int

  init(_ settings: TrainingSettings) {
    momentum = Float(settings.momentum)
    weightDecay = Float(settings.weightDecay)
    clip = settings.gradientClip
    threads = settings.threads
  }

  /// Moves the trained rows of a group's parameters by their gradients.
  ///
  /// - Parameters:
  ///   - group: What is moved.
  ///   - rate: η.
  /// - Returns: ‖g‖₂ over the group before clipping.
  func step(_ group: inout ParameterGroup, rate: Double) -> Double {
    let norm = group.parameters.reduce(0) { $0 + sumOfSquares($1) }.squareRoot()
    let scale = Float(clip.map { min(1, $0 / (norm + 1e-6)) } ?? 1)
    for index in group.parameters.indices { move(&group.parameters[index], rate: Float(rate), scale: scale) }
    return norm
  }

  private func sumOfSquares(_ parameter: Parameter) -> Double {
    let columns = parameter.values.columns
    let rows = parameter.trainedRows
    return parameter.gradient.withUnsafeValues { gradient in
      guard let gradient = gradient.baseAddress.map({ $0 + rows.lowerBound * columns }) else { return 0 }
      if columns == 1 { return bags_sum_of_squares(gradient, rows.count) }
      return sumOverRows(rows.count, threads: threads) {
        bags_sum_of_squares(gradient + $0.lowerBound * columns, $0.count * columns)
      }
    }
  }

  private func move(_ parameter: inout Parameter, rate: Float, scale: Float) {
    let columns = parameter.values.columns
    let rows = parameter.trainedRows
    // A vector is too short to share out.
    let parts = columns == 1 ? 1 : threads
    let gradient = parameter.gradient
    gradient.withUnsafeValues { gradient in
      parameter.values.withUnsafeMutableValues { values in
        parameter.velocity.withUnsafeMutableValues { velocity in
          guard let values = values.baseAddress, let velocity = velocity.baseAddress,
            let gradient = gradient.baseAddress
          else { return }
          inParallel(parts: parts) { part in
            let slice = evenSlice(of: rows.count, part: part, of: parts)
            let start = (rows.lowerBound + slice.lowerBound) * columns
            bags_sgd_step(
              values + start, velocity + start, gradient + start, slice.count * columns, rate, momentum, weightDecay,
              scale)
          }
        }
      }
    }
  }
}
