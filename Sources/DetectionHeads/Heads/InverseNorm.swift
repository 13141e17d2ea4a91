import CVectorKernels

/// 1 / max(‖x‖₂, 1e-12), as torch's `normalize` has it.
package func inverseNorm(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
  Float(1 / max(bags_sum_of_squares(x, count).squareRoot(), 1e-12))
}
