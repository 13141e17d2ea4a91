import CVectorKernels
import DenseLinearAlgebra
import TestSupport
import Testing

/// The packed products beside sums in double precision, for shapes at and around the sizes of panels, strips and blocks.
@Suite struct PackedProductTests {
  struct Shape: CustomTestStringConvertible {
    let rows: Int
    let columns: Int
    let logits: Int
    var testDescription: String { "\(rows) × \(columns) × \(logits)" }
  }

  static let shapes: [Shape] = [
    (1, 1, 1), (3, 7, 4), (5, 31, 5), (12, 32, 12), (13, 33, 32), (25, 64, 33), (40, 100, 36), (64, 256, 37),
    (300, 257, 20), (513, 40, 258), (30, 600, 16),
  ].map { Shape(rows: $0.0, columns: $0.1, logits: $0.2) }

  private let panel = Int(BAGS_PANEL)
  private let strip = Int(BAGS_STRIP)

  private func padded(_ count: Int) -> Int { (count + panel - 1) / panel * panel }

  private func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float(standardNormal(using: &generator)) }
  }

  @Test(arguments: shapes) func forwardIsTheProduct(_ shape: Shape) {
    let (x, w) = (numbers(shape.rows * shape.columns, seed: 1), numbers(shape.logits * shape.columns, seed: 2))
    let bias = numbers(shape.logits, seed: 3)
    let z = forward(shape, x: x, w: w, bias: bias, tile: shape.rows)
    let expected = (0..<shape.rows).flatMap { row in
      (0..<shape.logits).map { logit in
        (0..<shape.columns).reduce(Double(bias[logit])) {
          $0 + Double(x[row * shape.columns + $1]) * Double(w[logit * shape.columns + $1])
        }
      }
    }
    #expect(largestDifference(z, expected) < 2e-6)
    #expect(forward(shape, x: x, w: w, bias: bias, tile: 12) == z)
    #expect(forward(shape, x: x, w: w, bias: bias, tile: 36) == z)
  }

  @Test(arguments: shapes) func rowsCanBeGathered(_ shape: Shape) {
    let x = numbers(shape.rows * shape.columns, seed: 1)
    let rows = (0..<shape.rows).reversed().map { Int32($0) }
    var packed = [Float](repeating: .nan, count: padded(shape.columns) * shape.rows)
    bags_pack_rows(x, shape.columns, rows, 0, shape.rows, shape.columns, shape.rows, &packed)
    for (place, row) in rows.enumerated() {
      for column in 0..<padded(shape.columns) {
        let value = packed[(column / panel * shape.rows + place) * panel + column % panel]
        #expect(value == (column < shape.columns ? x[Int(row) * shape.columns + column] : 0))
      }
    }
  }

  @Test(arguments: shapes) func backwardIsTheProduct(_ shape: Shape) {
    let (x, dz) = (numbers(shape.rows * shape.columns, seed: 1), numbers(shape.rows * shape.logits, seed: 4))
    let (dw, db) = backward(shape, x: x, dz: dz, logitsAtATime: shape.logits)
    let expected = (0..<shape.logits).flatMap { logit in
      (0..<shape.columns).map { column in
        (0..<shape.rows).reduce(0.0) {
          $0 + Double(dz[$1 * shape.logits + logit]) * Double(x[$1 * shape.columns + column])
        }
      }
    }
    #expect(largestDifference(dw, expected) < 2e-6)
    let sums = (0..<shape.logits).map { logit in
      (0..<shape.rows).reduce(0.0) { $0 + Double(dz[$1 * shape.logits + logit]) }
    }
    #expect(largestDifference(db, sums) < 2e-6)
    #expect(backward(shape, x: x, dz: dz, logitsAtATime: 12).dw == dw)
  }

  /// Z, `tile` rows at a time.
  @Test func withoutRowsTheGradientIsZero() {
    let shape = Shape(rows: 0, columns: 40, logits: 5)
    #expect(backward(shape, x: [], dz: [], logitsAtATime: 5).dw == [Float](repeating: 0, count: 200))
  }

  private func forward(_ shape: Shape, x: [Float], w: [Float], bias: [Float], tile: Int) -> [Float] {
    let (rows, columns, logits) = (shape.rows, shape.columns, shape.logits)
    var packed = [Float](repeating: .nan, count: padded(columns) * rows)
    for first in stride(from: 0, to: rows, by: tile) {
      bags_pack_rows(x, columns, nil, first, min(first + tile, rows), columns, rows, &packed)
    }
    var z = [Float](repeating: .nan, count: rows * logits)
    func multiply(
      _ w: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, count: Int
    ) {
      var weights = [Float](repeating: .nan, count: padded(columns) * (count <= Int(BAGS_TAIL) ? count : panel))
      bags_pack_weights(w, columns, count, columns, &weights)
      for first in stride(from: 0, to: rows, by: tile) {
        bags_multiply_forward(
          packed, rows, columns, first, min(first + tile, rows), weights, count, bias, z, logits)
      }
    }
    func multiplyAll(_ w: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>) {
      for logit in stride(from: 0, to: logits, by: panel) {
        multiply(w + logit * columns, bias + logit, z + logit, count: min(panel, logits - logit))
      }
    }
    multiplyAll(w, bias, &z)
    return z
  }

  /// dW and db, some logits at a time.
  private func backward(
    _ shape: Shape, x: [Float], dz: [Float], logitsAtATime: Int
  ) -> (dw: [Float], db: [Float]) {
    let (rows, columns, logits) = (shape.rows, shape.columns, shape.logits)
    var packed = [Float](repeating: .nan, count: padded(columns) * rows)
    bags_pack_rows(x, columns, nil, 0, rows, columns, rows, &packed)
    var strips = [Float](repeating: .nan, count: (logits + strip - 1) / strip * strip * rows)
    var sums = [Float](repeating: .nan, count: logits)
    var dw = [Float](repeating: .nan, count: logits * columns)
    func pack(
      _ dz: UnsafePointer<Float>, _ strips: UnsafeMutablePointer<Float>, _ sums: UnsafeMutablePointer<Float>
    ) {
      for first in stride(from: 0, to: logits, by: strip) {
        bags_pack_gradient(
          dz + first, logits, rows, min(strip, logits - first), strips + first * rows, sums + first)
      }
    }
    func multiply(
      _ strips: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, _ dw: UnsafeMutablePointer<Float>
    ) {
      for first in stride(from: 0, to: logits, by: logitsAtATime) {
        for column in stride(from: 0, to: columns, by: panel) {
          bags_multiply_backward(
            strips + first * rows, rows, min(logitsAtATime, logits - first), packed + column * rows,
            min(panel, columns - column), dw + first * columns + column, columns)
        }
      }
    }
    pack(dz, &strips, &sums)
    multiply(strips, packed, &dw)
    return (dw, sums)
  }
}
