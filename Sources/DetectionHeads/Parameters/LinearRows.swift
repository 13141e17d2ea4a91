import DenseLinearAlgebra
import TensorFiles

/// Rows of a linear layer: weights and biases as files hold them.
public struct LinearRows: Sendable, Equatable {
  /// W [n, D].
  public var weight: Matrix<Float>
  /// b [n].
  public var bias: [Float]

  /// Makes rows from values.
  ///
  /// - Precondition: there is a bias for every row.
  public init(weight: Matrix<Float>, bias: [Float]) {
    precondition(weight.rows == bias.count)
    self.weight = weight
    self.bias = bias
  }
}

extension LinearRows {
  /// Reads `NAME.weight` [n, D] and `NAME.bias` [n].
  ///
  /// - Throws: `TensorFileError` if one is missing or no matrix of floating-point numbers; `LinearHeadError` if they do
  ///   not fit or a number is not finite.
  public init(_ file: any TensorContainer, name: String) throws {
    let weight = try file.tensor("\(name).weight")
    let bias = try file.tensor("\(name).bias")
    guard weight.shape.count == 2, let rows = weight.shape.first, let columns = weight.shape.last, columns > 0,
      bias.shape == [rows]
    else {
      throw LinearHeadError(
        "\(file.path): \(name).weight has shape \(weight.shape) and \(name).bias \(bias.shape); [rows, D] and [rows] are "
          + "expected")
    }
    self.init(
      weight: Matrix(rows: rows, columns: columns, values: try weight.floats()), bias: try bias.floats())
    if let row = (0..<rows).first(where: { row in
      !self.bias[row].isFinite || !self.weight.row(row).allSatisfy(\.isFinite)
    }) {
      throw LinearHeadError("\(file.path): row \(row) of \(name) is not finite")
    }
  }
}
