import CVectorKernels

/// 1 / max(‖x‖₂, 1e-12), as torch's `normalize` has it.
package func inverseNorm(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
  Float(1 / max(bags_sum_of_squares(x, count).squareRoot(), 1e-12))
}

/// 1 / (‖x‖₂ + 1e-6), as mmdetection's `NormedLinear` has it.
package func inverseLength(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
  Float(1 / (bags_sum_of_squares(x, count).squareRoot() + Double(NormedLayout.epsilon)))
}
