import DenseLinearAlgebra
import TestSupport
import Testing

@Suite struct DenseScalarTests {
  @Test func floatKernelsAreAsExactAsFloat() {
    for count in [1, 2, 7, 15, 16, 17, 63, 1203] {
      var generator = SeededGenerator(seed: UInt64(count))
      let values = (0..<count).map { _ in 20 * standardNormal(using: &generator) }
      var floats = values.map { Float($0) }
      var doubles = floats.map { Double($0) }
      let a = Float.softmax(&floats, count: count)
      let b = Double.softmax(&doubles, count: count)
      #expect(abs(Double(a) - b) <= 2e-6 * abs(b))
      for (f, d) in zip(floats, doubles) where d > 1e-30 { #expect(abs(Double(f) - d) < 5e-6 * d) }

      floats = values.map { Float($0) }
      doubles = floats.map { Double($0) }
      Float.sigmoid(&floats, count: count)
      Double.sigmoid(&doubles, count: count)
      for (f, d) in zip(floats, doubles) where d > 1e-30 { #expect(abs(Double(f) - d) < 1e-6 * d) }
    }
  }

  @Test func extremeLogitsStayFinite() {
    var logits: [Float] = [1e4, -1e4, 0, 3e38, -3e38]
    _ = Float.softmax(&logits, count: logits.count)
    #expect(logits[3] == 1 && logits.allSatisfy { $0 == 1 || $0 < 1e-37 })
    var single: [Float] = [3e38, -3e38, 0]
    Float.sigmoid(&single, count: 3)
    #expect(single[0] == 1 && single[1] < 1e-37 && single[2] == 0.5)
  }

  /// At any place, whether a lane of a vector or the rest behind them; the other logits stay what they are.
  @Test func noNumberGivesNoNumber() {
    for place in [0, 3, 16, 20] {
      var logits = [Float](repeating: 0.5, count: 21)
      logits[place] = .nan
      var softmax = logits
      #expect(Float.softmax(&softmax, count: 21).isNaN && softmax.allSatisfy(\.isNaN))
      var sigmoid = logits
      Float.sigmoid(&sigmoid, count: 21)
      #expect(sigmoid.indices.allSatisfy { sigmoid[$0].isNaN == ($0 == place) })
      let ones = [Float](repeating: 1, count: 21)
      #expect(Float.logisticLoss(&logits, weights: ones, scale: 1, count: 21).isNaN)
      #expect(logits.indices.allSatisfy { logits[$0].isNaN == ($0 == place) })
    }
  }

  @Test func linearEqualsTheDefinition() {
    var generator = SeededGenerator(seed: 2)
    let x: Matrix<Double> = randomMatrix(rows: 5, columns: 3, using: &generator)
    let w: Matrix<Double> = randomMatrix(rows: 4, columns: 3, using: &generator)
    let z = Matrix.linear(x, weight: w, bias: [1, 2, 3, 4])
    for n in 0..<5 {
      for k in 0..<4 {
        let expected = (0..<3).reduce(Double(k + 1)) { $0 + x[n, $1] * w[k, $1] }
        #expect(abs(z[n, k] - expected) < 1e-14)
      }
    }
    #expect(abs(Matrix<Float>(rows: 2, columns: 2, values: [3, 4, 0, 0]).rowNorms[0] - 5) < 1e-12)
  }
}
