import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets

/// A regressor of every class or of all alike.
func exampleRegressor(perClass: Bool, background: Bool = false, inputs: Int = 5) throws -> BoxRegressor {
  func rows(_ count: Int, from start: Int) -> LinearRows {
    LinearRows(
      weight: Matrix(
        rows: count, columns: inputs, values: (0..<count * inputs).map { Float(start * inputs + $0) }),
      bias: (0..<count).map { -Float(start + $0) })
  }
  let own = rows(perClass ? 32 : 4, from: 100)
  return try BoxRegressor(
    weight: own.weight, bias: own.bias, background: background ? rows(4, from: 0) : nil, classCount: 8)
}
