/// A dense matrix of `Float` or `Double`, row after row.
public struct Matrix<Scalar: DenseScalar>: Sendable, Equatable {
  /// The number of rows.
  public private(set) var rows: Int
  /// The length of a row.
  public private(set) var columns: Int
  /// The `rows * columns` values, row after row.
  public private(set) var storage: [Scalar]

  /// A matrix of zeros, or of another value.
  ///
  /// - Precondition: Neither number is negative, and there is memory for their product.
  public init(rows: Int, columns: Int, repeating value: Scalar = 0) {
    let (count, overflows) = rows.multipliedReportingOverflow(by: columns)
    precondition(rows >= 0 && columns >= 0 && !overflows, "a matrix cannot be \(rows) by \(columns)")
    self.rows = rows
    self.columns = columns
    storage = Array(repeating: value, count: count)
  }

  /// A matrix from its values, row after row.
  ///
  /// - Precondition: `values.count == rows * columns`.
  public init(rows: Int, columns: Int, values: [Scalar]) {
    let (count, overflows) = rows.multipliedReportingOverflow(by: columns)
    precondition(
      rows >= 0 && columns >= 0 && !overflows && values.count == count,
      "\(values.count) values do not fill \(rows) rows of \(columns)")
    self.rows = rows
    self.columns = columns
    storage = values
  }

  /// The value in a row and a column, both from 0.
  ///
  /// - Precondition: The place lies in the matrix.
  public subscript(row: Int, column: Int) -> Scalar {
    get { storage[row * columns + column] }
    set { storage[row * columns + column] = newValue }
  }

  /// A copy of one row, `columns` values.
  ///
  /// - Precondition: The matrix has a row of this index, from 0.
  public func row(_ index: Int) -> [Scalar] { Array(storage[index * columns..<(index + 1) * columns]) }

  /// Calls `body` with the values, row after row.
  public func withUnsafeValues<Result>(_ body: (UnsafeBufferPointer<Scalar>) throws -> Result) rethrows -> Result {
    try storage.withUnsafeBufferPointer(body)
  }

  /// Calls `body` with the values, row after row, for changing them.
  public mutating func withUnsafeMutableValues<Result>(
    _ body: (UnsafeMutableBufferPointer<Scalar>) throws -> Result
  ) rethrows -> Result {
    try storage.withUnsafeMutableBufferPointer { try body($0) }
  }

  /// ‖row‖₂ of every row, summed in double precision.
  public var rowNorms: [Double] {
    withUnsafeValues { values in
      (0..<rows).map { row in
        var sum = 0.0
        for i in row * columns..<(row + 1) * columns { sum += Double(values[i]) * Double(values[i]) }
        return sum.squareRoot()
      }
    }
  }
}
