import CVectorKernels
import Testing

/// Every F16 and BF16 number, once in a long run (the vector kernel) and once alone (the scalar one).
@Suite struct WidenTests {
  static let patterns = (UInt16(0)...UInt16.max).map { $0 }

  @Test func widensEveryHalf() {
    let expected = Self.patterns.map { Float(Float16(bitPattern: $0)) }
    var together = [Float](repeating: 0, count: Self.patterns.count)
    #expect(!bags_widen_f16(Self.patterns, &together, Self.patterns.count))
    #expect(zip(together, expected).allSatisfy(isSame))
    for (pattern, expected) in zip(Self.patterns, expected) {
      var value: Float = 0
      let isFinite = withUnsafeBytes(of: pattern) { bags_widen_f16($0.baseAddress, &value, 1) }
      #expect(isFinite == expected.isFinite && isSame(value, expected), "\(pattern)")
    }
  }

  @Test func widensEveryBFloat16() {
    let expected = Self.patterns.map { Float(bitPattern: UInt32($0) << 16) }
    var together = [Float](repeating: 0, count: Self.patterns.count)
    #expect(!bags_widen_bf16(Self.patterns, &together, Self.patterns.count))
    #expect(zip(together, expected).allSatisfy { $0.bitPattern == $1.bitPattern })
  }

  /// All halves, their neighbours, the midpoints between them and the midpoints' neighbours.
  @Test func narrowsToTheNearestHalf() {
    var values: [Float] = [
      65519.996, 65520, 65536, 1e30, .infinity, 0x1p-25, 0x1.8p-25, 0x1p-26, .leastNonzeroMagnitude,
    ]
    for pattern in Self.patterns where Float16(bitPattern: pattern).isFinite {
      let half = Float16(bitPattern: pattern)
      let middle = (Float(half) + Float(half.nextUp.isFinite ? half.nextUp : half)) / 2
      for value in [Float(half), middle] { values += [value, value.nextUp, value.nextDown] }
    }
    values += values.map(-)
    let expected = values.map { Float16($0).bitPattern }
    var together = [UInt16](repeating: 0, count: values.count)
    bags_narrow_f16(values, &together, values.count)
    #expect(together == expected)
    for (value, expected) in zip(values, expected) {
      var half: UInt16 = 0
      withUnsafePointer(to: value) { bags_narrow_f16($0, &half, 1) }
      if half != expected { Issue.record("\(value): \(half), not \(expected)") }
    }
    var notANumber: UInt16 = 0
    withUnsafePointer(to: Float.nan) { bags_narrow_f16($0, &notANumber, 1) }
    #expect(Float16(bitPattern: notANumber).isNaN)
  }

  @Test func narrowsToTheNearestBFloat16() {
    let values: [Float] = [0, -0.0, 1, 1.00390625, 1.01171875, 3.3895314e38, 3.4e38, -7.3e-39, .infinity, .nan, .pi]
    var narrowed = [UInt16](repeating: 0, count: values.count)
    bags_narrow_bf16(values, &narrowed, values.count)
    #expect(narrowed == [0, 0x8000, 0x3F80, 0x3F80, 0x3F82, 0x7F7F, 0x7F80, 0x804F, 0x7F80, 0x7FC0, 0x4049])
  }

  @Test func findsWhatIsNotFinite() {
    for count in [1, 7, 8, 9, 64, 1000] {
      for place in [0, count / 2, count - 1] {
        for bad in [Float.nan, .infinity, -.infinity] {
          var values = [Float](repeating: -65504, count: count)
          var destination = [Float](repeating: 0, count: count)
          var halves = [UInt16](repeating: 0, count: count)
          #expect(bags_copy_f32(values, &destination, count))
          bags_narrow_f16(values, &halves, count)
          #expect(bags_widen_f16(halves, &destination, count))
          bags_narrow_bf16(values, &halves, count)
          #expect(bags_widen_bf16(halves, &destination, count))
          values[place] = bad
          #expect(!bags_copy_f32(values, &destination, count))
          bags_narrow_f16(values, &halves, count)
          #expect(!bags_widen_f16(halves, &destination, count))
          bags_narrow_bf16(values, &halves, count)
          #expect(!bags_widen_bf16(halves, &destination, count))
        }
      }
    }
  }

  private func isSame(_ left: Float, _ right: Float) -> Bool {
    left.bitPattern == right.bitPattern || (left.isNaN && right.isNaN)
  }
}
