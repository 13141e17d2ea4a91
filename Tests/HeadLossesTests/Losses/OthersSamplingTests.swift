import DenseLinearAlgebra
import HeadLosses
import Testing

@Suite struct OthersSamplingTests {
  @Test func drawsExactlyTheRatioWithoutReplacement() {
    var generator = SeededGenerator(seed: 0)
    let isPositive = (0..<200).map { $0 % 20 == 3 }
    for _ in 0..<50 {
      let rows = sampledRows(isPositive: isPositive, othersRatio: 3.55, using: &generator)
      #expect(rows.filter { isPositive[Int($0)] }.count == 10)
      #expect(rows.filter { !isPositive[Int($0)] }.count == 35)
      #expect(Set(rows).count == rows.count && rows == rows.sorted())
    }
  }

  @Test func drawsUniformly() {
    var generator = SeededGenerator(seed: 1)
    let isPositive = (0..<50).map { $0 < 2 }
    var drawn = [Int](repeating: 0, count: 50)
    let rounds = 20_000
    for _ in 0..<rounds {
      for row in sampledRows(isPositive: isPositive, othersRatio: 8, using: &generator) { drawn[Int(row)] += 1 }
    }
    #expect(drawn[0] == rounds && drawn[1] == rounds)
    // Each of the 48 others is drawn with probability 1/3; five standard deviations.
    let deviation = (Double(rounds) * (1.0 / 3) * (2.0 / 3)).squareRoot()
    for count in drawn.dropFirst(2) { #expect(abs(Double(count) - Double(rounds) / 3) < 5 * deviation) }
  }

  @Test func takesAllWhereThereAreFewerAndNoneWithoutPositives() {
    var generator = SeededGenerator(seed: 2)
    #expect(sampledRows(isPositive: [true, false, false], othersRatio: 8, using: &generator) == [0, 1, 2])
    #expect(sampledRows(isPositive: [true, false, false], othersRatio: 1e300, using: &generator) == [0, 1, 2])
    #expect(sampledRows(isPositive: [false, false], othersRatio: 8, using: &generator) == [])
    #expect(sampledRows(isPositive: [false, true], othersRatio: 0, using: &generator) == [1])
    #expect(sampledRows(isPositive: [], othersRatio: 8, using: &generator) == [])
  }
}
