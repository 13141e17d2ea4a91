import CVectorKernels
import DenseLinearAlgebra
import TestSupport
import Testing

/// The products in bfloat16 beside sums in double precision of the rounded operands.
@Suite(.enabled(if: ProductPrecision.bfloat16.isAvailable, "this processor has no AVX-512 BF16"))
struct BFloat16ProductTests {
  private let panel = Int(BAGS_PANEL)
  private let strip = Int(BAGS_STRIP)

  private func padded(_ count: Int) -> Int { (count + panel - 1) / panel * panel }

  private func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float(standardNormal(using: &generator)) }
  }

  /// To nearest, ties to even.
  private func rounded(_ values: [Float]) -> [Double] {
    var halves = [UInt16](repeating: 0, count: values.count)
    bags_narrow_bf16(values, &halves, values.count)
    return halves.map { Double(Float(bitPattern: UInt32($0) << 16)) }
  }

  @Test(arguments: PackedProductTests.shapes) func forwardIsTheProduct(_ shape: PackedProductTests.Shape) {
    let (rows, columns, logits) = (shape.rows, shape.columns, shape.logits)
    let (x, w) = (numbers(rows * columns, seed: 1), numbers(logits * columns, seed: 2))
    let bias = numbers(logits, seed: 3)
    let (roundX, roundW) = (rounded(x), rounded(w))
    let expected = (0..<rows).flatMap { row in
      (0..<logits).map { logit in
        (0..<columns).reduce(Double(bias[logit])) { $0 + roundX[row * columns + $1] * roundW[logit * columns + $1] }
      }
    }
    let z = forward(shape, x: x, w: w, bias: bias, tile: rows)
    #expect(largestDifference(z, expected) < 4e-6)
    #expect(forward(shape, x: x, w: w, bias: bias, tile: 12) == z)
    #expect(forward(shape, x: x, w: w, bias: bias, tile: 36) == z)
  }

  @Test(arguments: PackedProductTests.shapes) func backwardIsTheProduct(_ shape: PackedProductTests.Shape) {
    let (rows, columns, logits) = (shape.rows, shape.columns, shape.logits)
    let (x, dz) = (numbers(rows * columns, seed: 1), numbers(rows * logits, seed: 4))
    let (roundX, roundZ) = (rounded(x), rounded(dz))
    let (dw, db) = backward(shape, x: x, dz: dz, logitsAtATime: logits)
    let expected = (0..<logits).flatMap { logit in
      (0..<columns).map { column in
        (0..<rows).reduce(0.0) { $0 + roundZ[$1 * logits + logit] * roundX[$1 * columns + column] }
      }
    }
    #expect(largestDifference(dw, expected) < 4e-6)
    let sums = (0..<logits).map { logit in (0..<rows).reduce(0.0) { $0 + Double(dz[$1 * logits + logit]) } }
    #expect(largestDifference(db, sums) < 2e-6)
    #expect(backward(shape, x: x, dz: dz, logitsAtATime: 12).dw == dw)
  }

  @Test func withoutRowsTheGradientIsZero() {
    let shape = PackedProductTests.Shape(rows: 0, columns: 40, logits: 5)
    #expect(backward(shape, x: [], dz: [], logitsAtATime: 5).dw == [Float](repeating: 0, count: 200))
  }

  @Test func rowsCanBeGathered() {
    let (rows, columns) = (7, 45)
    let x = numbers(rows * columns, seed: 1)
    let order = (0..<rows).reversed().map { Int32($0) }
    let sorted = order.flatMap { x[Int($0) * columns..<(Int($0) + 1) * columns] }
    let (gathered, copied) = (pack(x, rows: rows, columns: columns, order), pack(sorted, rows: rows, columns: columns))
    #expect(gathered.panels == copied.panels && gathered.pairs == copied.pairs)
  }

  /// X by features and by examples, some rows at a time.
  private func pack(
    _ x: [Float], rows: Int, columns: Int, _ order: [Int32]? = nil, tile: Int = 1 << 20
  ) -> (panels: [UInt16], pairs: [UInt16], packedCount: Int) {
    let packedCount = (rows + 1) / 2 * 2
    var panels = [UInt16](repeating: 0, count: padded(columns) * packedCount)
    var pairs = panels
    for first in stride(from: 0, to: rows, by: tile) {
      bags_pack_rows_bf16(
        x, columns, order, first, min(first + tile, rows), columns, packedCount, &panels, &pairs)
    }
    return (panels, pairs, packedCount)
  }

  private func forward(
    _ shape: PackedProductTests.Shape, x: [Float], w: [Float], bias: [Float], tile: Int
  ) -> [Float] {
    let (rows, columns, logits) = (shape.rows, shape.columns, shape.logits)
    let packed = pack(x, rows: rows, columns: columns, tile: (tile + 1) / 2 * 2)
    var z = [Float](repeating: .nan, count: rows * logits)
    func multiply(
      _ w: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, count: Int
    ) {
      var weights = [UInt16](repeating: 0, count: padded(columns) * (count <= Int(BAGS_TAIL) ? count : panel))
      bags_pack_weights_bf16(w, columns, count, columns, &weights)
      for first in stride(from: 0, to: rows, by: tile) {
        bags_multiply_forward_bf16(
          packed.panels, packed.packedCount, columns, first, min(first + tile, rows), weights, count, bias, z, logits)
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

  private func backward(
    _ shape: PackedProductTests.Shape, x: [Float], dz: [Float], logitsAtATime: Int
  ) -> (dw: [Float], db: [Float]) {
    let (rows, columns, logits) = (shape.rows, shape.columns, shape.logits)
    let packed = self.pack(x, rows: rows, columns: columns)
    let height = (rows + 1) / 2 * 2
    var strips = [UInt16](repeating: 0, count: (logits + strip - 1) / strip * strip * height)
    var sums = [Float](repeating: .nan, count: logits)
    var dw = [Float](repeating: .nan, count: logits * columns)
    func pack(
      _ dz: UnsafePointer<Float>, _ strips: UnsafeMutablePointer<UInt16>, _ sums: UnsafeMutablePointer<Float>
    ) {
      for first in stride(from: 0, to: logits, by: strip) {
        bags_pack_gradient_bf16(
          dz + first, logits, rows, min(strip, logits - first), strips + first * height, sums + first)
      }
    }
    func multiply(
      _ strips: UnsafePointer<UInt16>, _ pairs: UnsafePointer<UInt16>, _ dw: UnsafeMutablePointer<Float>
    ) {
      for first in stride(from: 0, to: logits, by: logitsAtATime) {
        for column in stride(from: 0, to: columns, by: panel) {
          bags_multiply_backward_bf16(
            strips + first * height, rows, min(logitsAtATime, logits - first), pairs + column * packed.packedCount,
            min(panel, columns - column), dw + first * columns + column, columns)
        }
      }
    }
    pack(dz, &strips, &sums)
    multiply(strips, packed.pairs, &dw)
    return (dw, sums)
  }
}
