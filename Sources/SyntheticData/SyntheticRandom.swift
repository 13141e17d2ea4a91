/// Random draws by integer and IEEE basic arithmetic alone, so that a seed gives the same bytes with every standard
/// library and every libm.
extension RandomNumberGenerator {
  /// A number in 0..<1, of 53 random bits.
  mutating func unitUniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number in `lower..<upper`.
  mutating func uniform(_ lower: Double, _ upper: Double) -> Double { lower + (upper - lower) * unitUniform() }

  /// An integer in 0..<bound; `bound` must be positive. (The bias of the plain multiplication is below 2⁻⁴⁰ here.)
  mutating func integer(below bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

  /// A nearly normal number of mean 0 and variance 1: the sum of eight 16-bit uniform ones (within ±4.9).
  mutating func nearlyNormal() -> Double {
    var sum: UInt64 = 0
    for _ in 0..<2 {
      let word = next()
      sum += (word & 0xFFFF) + (word >> 16 & 0xFFFF) + (word >> 32 & 0xFFFF) + (word >> 48)
    }
    // Each term has mean 65535/2 and variance (65536² − 1)/12.
    return (Double(sum) - 4 * 65535) * 1.868812365e-5
  }

  /// A whole number of the given mean, spread evenly: the next lower or higher count of 0...2·mean.
  mutating func count(around mean: Double) -> Int { Int(uniform(0, 2 * mean + 1)) }

  /// Shuffles by Fisher and Yates.
  mutating func shuffle<Element>(_ elements: inout [Element]) {
    for last in elements.indices.dropFirst().reversed() { elements.swapAt(last, integer(below: last + 1)) }
  }

  /// The numbers 0..<count in random order.
  mutating func permutation(of count: Int) -> [Int] {
    var order = Array(0..<count)
    shuffle(&order)
    return order
  }
}
