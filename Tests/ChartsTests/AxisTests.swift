import Charts
import Testing

@Suite struct AxisTests {
  @Test(arguments: [
    ([0.0, 1.536], 0.0...2.0, ["0.0", "0.5", "1.0", "1.5", "2.0"]),
    ([0, 0.29], 0...0.3, ["0.00", "0.05", "0.10", "0.15", "0.20", "0.25", "0.30"]),
    ([0, 74.4], 0...80, ["0", "20", "40", "60", "80"]),
    ([-0.741, 0.989], -1...1, ["−1.0", "−0.5", "0.0", "0.5", "1.0"]),
    ([0, 12_345], 0...15_000, ["0", "5,000", "10,000", "15,000"]),
    ([0, 0.00031], 0...0.0004, ["0.0000", "0.0001", "0.0002", "0.0003", "0.0004"]),
  ])
  func linearAxesEndAtRoundValues(values: [Double], domain: ClosedRange<Double>, labels: [String]) {
    let axis = Axis.linear("", covering: values)
    #expect(abs(axis.domain.lowerBound - domain.lowerBound) < 1e-12)
    #expect(abs(axis.domain.upperBound - domain.upperBound) < 1e-12)
    #expect(axis.shownTicks(room: 6).map(\.label) == labels)
  }

  @Test func aTickIsTheDecimalThatItSays() {
    let ticks = Axis("", domain: 0...1).shownTicks(room: 10)
    #expect(ticks.map(\.value) == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
  }

  @Test(arguments: [
    (1.0...1000.0, ["1", "10", "100", "1,000"]),
    (0.8...1_100_000, ["1", "10", "100", "1,000", "10,000", "100,000", "1,000,000"]),
    (1e-5...0.02, ["10⁻⁵", "10⁻⁴", "0.001", "0.01"]),
    (30...400, ["50", "100", "200"]),
    (1e-9...1e9, ["10⁻⁹", "10⁻⁶", "0.001", "1", "1,000", "1,000,000", "10⁹"]),
  ])
  func logarithmicTicksArePowersOfTen(domain: ClosedRange<Double>, labels: [String]) {
    #expect(Axis("", scale: .log10, domain: domain).shownTicks(room: 7).map(\.label) == labels)
  }

  @Test func logarithmicAxesHoldTheirValuesAndNothingBelowZero() throws {
    let axis = Axis.log10("", covering: [0, -3, .nan, 1, 1588])
    #expect(axis.domain.lowerBound > 0.5 && axis.domain.lowerBound <= 1)
    #expect(axis.domain.upperBound >= 1588)
    #expect(axis.fraction(0) == nil)
    #expect(axis.fraction(-3) == nil)
    let decades = try [1.0, 10, 100, 1000].map { try #require(axis.fraction($0)) }
    #expect(zip(decades, decades.dropFirst()).allSatisfy { abs(($1 - $0) - (decades[1] - decades[0])) < 1e-12 })
  }

  @Test(arguments: [[], [Double.nan, .infinity], [0], [5], [-2], [1e300, 1e-300]])
  func oddValuesStillMakeAnAxis(values: [Double]) {
    for axis in [Axis.linear("", covering: values), Axis.log10("", covering: values)] {
      #expect(axis.domain.lowerBound < axis.domain.upperBound)
      for value in values where value.isFinite && (axis.scale == .linear || value > 0) {
        #expect(axis.fraction(value) != nil)
      }
      #expect(axis.shownTicks(room: 6).count <= 20)
    }
  }

  @Test func valuesBeyondTheEndsHaveNoPlace() {
    let axis = Axis("", domain: 0...10)
    #expect(axis.fraction(10) == 1)
    #expect(axis.fraction(5) == 0.5)
    #expect(axis.fraction(10.1) == nil)
    #expect(axis.fraction(.nan) == nil)
  }
}
