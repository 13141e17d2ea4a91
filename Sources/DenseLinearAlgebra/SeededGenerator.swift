import RealModule

/// A random generator that gives the same numbers for the same seed on every machine: xoshiro256** (Blackman and
/// Vigna 2018), its state filled by SplitMix64.
public struct SeededGenerator: RandomNumberGenerator, Sendable, Equatable {
  @usableFromInline var s0: UInt64
  @usableFromInline var s1: UInt64
  @usableFromInline var s2: UInt64
  @usableFromInline var s3: UInt64

  /// Makes a generator whose numbers follow from the seed.
  public init(seed: UInt64) {
    var word = seed
    func mixed() -> UInt64 {
      word &+= 0x9E37_79B9_7F4A_7C15
      var z = word
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    (s0, s1, s2, s3) = (mixed(), mixed(), mixed(), mixed())
  }

  /// Goes on from a state; `nil` where it is not four words, or all zero.
  public init?(state: [UInt64]) {
    guard state.count == 4, state.contains(where: { $0 != 0 }) else { return nil }
    (s0, s1, s2, s3) = (state[0], state[1], state[2], state[3])
  }

  /// The whole state, four words: enough to go on later where one stopped.
  public var state: [UInt64] { [s0, s1, s2, s3] }

  /// The next 64 random bits.
  @inlinable
  public mutating func next() -> UInt64 {
    let scrambled = s1 &* 5
    let result = (scrambled << 7 | scrambled >> 57) &* 9
    let shifted = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = s3 << 45 | s3 >> 19
    return result
  }

  /// A generator for a purpose of its own, so that drawing more for one does not change the other.
  public func derived(for purpose: UInt64) -> SeededGenerator {
    SeededGenerator(seed: s0 ^ (purpose &* 0xD129_0D3A_7F4C_5E2B))
  }
}

/// A draw from the standard normal distribution (Box and Muller 1958).
@inlinable
public func standardNormal(using generator: inout some RandomNumberGenerator) -> Double {
  let radius = (-2 * Double.log(1 - Double.random(in: 0..<1, using: &generator))).squareRoot()
  return radius * Double.cos(2 * .pi * Double.random(in: 0..<1, using: &generator))
}
