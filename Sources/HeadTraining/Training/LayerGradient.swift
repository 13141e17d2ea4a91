import DenseLinearAlgebra
import DetectionHeads

/// Memory for the gradient of a linear layer: dLoss/dW [K, D] and dLoss/db [K].
struct LayerGradient {
  let weight: UnsafeMutablePointer<Float>
  let bias: UnsafeMutablePointer<Float>
}

extension ParameterGroup {
  /// Calls `body` with the gradients of a layer's weight and bias, which are neighbours.
  ///
  /// - Parameter weight: The position of the weight among the parameters.
  mutating func withGradient<Result>(ofLayerAt weight: Int, _ body: (LayerGradient) -> Result) -> Result? {
    parameters.withUnsafeMutableBufferPointer { parameters in
      parameters[weight].gradient.withUnsafeMutableValues { ofWeight in
        parameters[weight + 1].gradient.withUnsafeMutableValues { bias in
          guard let ofWeight = ofWeight.baseAddress, let bias = bias.baseAddress else { return nil }
          return body(LayerGradient(weight: ofWeight, bias: bias))
        }
      }
    }
  }
}
