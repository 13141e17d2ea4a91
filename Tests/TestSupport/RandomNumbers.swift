import DenseLinearAlgebra

/// The library's generator, for suites of modules that do not depend on it.
public typealias TestGenerator = SeededGenerator

/// Standard normal numbers, times `scale`.
public func randomLogits(_ count: Int, seed: UInt64, scale: Double = 1) -> [Double] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in scale * standardNormal(using: &generator) }
}

/// A matrix of standard normal numbers.
public func randomMatrix<Scalar: DenseScalar>(
  rows: Int, columns: Int, as scalar: Scalar.Type = Scalar.self, using generator: inout SeededGenerator
) -> Matrix<Scalar> {
  Matrix(
    rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Scalar(standardNormal(using: &generator)) })
}
