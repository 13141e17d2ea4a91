import DenseLinearAlgebra
import Testing

@Suite struct SeededGeneratorTests {
  /// xoshiro256** from the state 1, 2, 3, 4: the first numbers of the authors' reference code.
  @Test func givesTheReferenceSequence() throws {
    var generator = try #require(SeededGenerator(state: [1, 2, 3, 4]))
    #expect((0..<4).map { _ in generator.next() } == [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240])
  }

  @Test func goesOnFromAState() throws {
    var generator = SeededGenerator(seed: 7)
    _ = generator.next()
    var copy = try #require(SeededGenerator(state: generator.state))
    #expect((0..<9).map { _ in generator.next() } == (0..<9).map { _ in copy.next() })
    #expect(SeededGenerator(state: [0, 0, 0, 0]) == nil && SeededGenerator(state: [1]) == nil)
  }

  @Test func normalDrawsHaveMeanZeroAndVarianceOne() {
    var generator = SeededGenerator(seed: 8)
    let draws = (0..<100_000).map { _ in standardNormal(using: &generator) }
    let mean = draws.reduce(0, +) / 1e5
    let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 1e5
    #expect(abs(mean) < 0.015 && abs(variance - 1) < 0.02)
  }
}
