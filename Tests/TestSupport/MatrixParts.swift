import DenseLinearAlgebra

extension Matrix {
  /// Some rows, row after row.
  public func values(ofRows rows: [Int]) -> [Scalar] { rows.flatMap { row($0) } }

  /// Some columns, in the order given.
  public func selecting(columns: some Collection<Int>) -> Matrix {
    Matrix(rows: rows, columns: columns.count, values: (0..<rows).flatMap { row in columns.map { self[row, $0] } })
  }
}

/// Rows put back where they were taken from, zeros in all others.
///
/// - Parameters:
///   - values: [rows.count, columns].
///   - rows: Where each row belongs.
///   - rowCount: How many rows there are in all.
///   - columns: How many columns.
public func scattered<Scalar: DenseScalar>(
  _ values: [Scalar], toRows rows: [Int], of rowCount: Int, columns: Int
) -> [Scalar] {
  var all = [Scalar](repeating: 0, count: rowCount * columns)
  for (place, row) in rows.enumerated() {
    all.replaceSubrange(row * columns..<(row + 1) * columns, with: values[place * columns..<(place + 1) * columns])
  }
  return all
}
