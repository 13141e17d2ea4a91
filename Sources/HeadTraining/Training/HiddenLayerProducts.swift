import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads

/// The forward and the backward pass of the layers below the classifier, each with ReLU.
///
/// Shapes: N RoIs in the batch; a layer has D inputs and H outputs. Rows of the batch are shared out among threads
/// forward, rows of the weight backward, with OpenBLAS on one thread.
final class HiddenLayerProducts {
  private var activations: [ScratchBuffer]
  private var inputGradients: [ScratchBuffer]
  private var features: UnsafeMutablePointer<Float>?
  private var count = 0
  private let threads: Int

  init(layerCount: Int, threads: Int) {
    activations = (0..<layerCount).map { _ in ScratchBuffer() }
    inputGradients = (0..<layerCount).map { _ in ScratchBuffer() }
    self.threads = threads
  }

  /// Applies the layers one after another.
  ///
  /// - Parameters:
  ///   - layers: The lowest first.
  ///   - features: [count, D] of the lowest; kept for `backward`.
  ///   - count: N.
  /// - Returns: [count, H] of the highest, valid until the next call.
  func forward(
    _ layers: [HiddenLayer], features: UnsafeMutablePointer<Float>, count: Int
  ) -> UnsafeMutablePointer<Float> {
    self.features = features
    self.count = count
    var input = features
    for (layer, buffer) in zip(layers, activations) {
      let output = buffer.floats(count * layer.outputs)
      inParallel(parts: threads) { part in
        let share = evenSlice(of: count, part: part, of: threads)
        layer.apply(
          to: input + share.lowerBound * layer.inputs, count: share.count,
          into: output + share.lowerBound * layer.outputs)
      }
      input = output
    }
    return input
  }

  /// The gradients of all layers.
  ///
  /// - Parameters:
  ///   - layers: Those of `forward`.
  ///   - outputGradient: dLoss/dy [count, H] of the highest; overwritten.
  ///   - needsInputGradient: Whether the gradient of the features is wanted too.
  ///   - withGradient: Calls its closure with the memory for dW and db of a layer, the lowest being 0.
  /// - Returns: dLoss/dX [count, D] of the lowest, valid until the next call; `nil` where it is not wanted.
  @discardableResult
  func backward(
    _ layers: [HiddenLayer], outputGradient: UnsafeMutablePointer<Float>, needsInputGradient: Bool = false,
    withGradient: (Int, (LayerGradient) -> Void) -> Void
  ) -> UnsafeMutablePointer<Float>? {
    guard let features else { return nil }
    var gradient = outputGradient
    for index in layers.indices.reversed() {
      let layer = layers[index]
      let output = activations[index].floats(count * layer.outputs)
      let input = index == 0 ? features : activations[index - 1].floats(count * layer.inputs)
      // ReLU lets the gradient pass where it let the value pass.
      inParallel(parts: threads) { part in
        for place in evenSlice(of: count * layer.outputs, part: part, of: threads) where output[place] <= 0 {
          gradient[place] = 0
        }
      }
      withGradient(index) { weightGradient(layer, gradient: gradient, input: input, into: $0) }
      if index > 0 || needsInputGradient {
        let next = inputGradients[index].floats(count * layer.inputs)
        inputGradient(layer, gradient: gradient, into: next)
        gradient = next
      }
    }
    return needsInputGradient ? gradient : nil
  }

  /// The gradients of all layers, left in a group's parameters.
  ///
  /// - Parameters:
  ///   - group: Takes dW and db of every layer.
  ///   - first: The position of the lowest layer's weight among the group's parameters.
  func backward(
    _ layers: [HiddenLayer], outputGradient: UnsafeMutablePointer<Float>, into group: inout ParameterGroup,
    from first: Int, needsInputGradient: Bool = false
  ) -> UnsafeMutablePointer<Float>? {
    backward(layers, outputGradient: outputGradient, needsInputGradient: needsInputGradient) { layer, body in
      _ = group.withGradient(ofLayerAt: first + 2 * layer, body)
    }
  }

  /// dW = dYᵀ X, db = Σ_rows dY.
  private func weightGradient(
    _ layer: HiddenLayer, gradient: UnsafePointer<Float>, input: UnsafePointer<Float>, into result: LayerGradient
  ) {
    inParallel(parts: threads) { part in
      let share = evenSlice(of: layer.outputs, part: part, of: threads)
      Float.multiply(
        rows: share.count, columns: layer.inputs, inner: count, alpha: 1,
        gradient + share.lowerBound, stride: layer.outputs, transposed: true, input, stride: layer.inputs,
        transposed: false, beta: 0, into: result.weight + share.lowerBound * layer.inputs, stride: layer.inputs)
      bags_column_sums(
        gradient + share.lowerBound, count, layer.outputs, share.count, result.bias + share.lowerBound)
    }
  }

  /// dX = dY W.
  private func inputGradient(
    _ layer: HiddenLayer, gradient: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>
  ) {
    layer.weight.withUnsafeValues { weight in
      guard let weight = weight.baseAddress else { return }
      inParallel(parts: threads) { part in
        let share = evenSlice(of: count, part: part, of: threads)
        Float.multiply(
          rows: share.count, columns: layer.inputs, inner: layer.outputs, alpha: 1,
          gradient + share.lowerBound * layer.outputs, stride: layer.outputs, transposed: false,
          weight, stride: layer.inputs, transposed: false,
          beta: 0, into: result + share.lowerBound * layer.inputs, stride: layer.inputs)
      }
    }
  }
}
