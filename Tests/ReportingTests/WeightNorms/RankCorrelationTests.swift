import Reporting
import Testing

@Suite struct RankCorrelationTests {
  @Test func knownValues() throws {
    #expect(rankCorrelation([1, 2, 3, 4], [10, 20, 30, 40]) == 1)
    #expect(rankCorrelation([1, 2, 3, 4], [4, 3, 2, 1]) == -1)
    // The example of Wikipedia's article: IQ and hours of television, −29/165.
    let iq: [Double] = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    let hours: [Double] = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    #expect(abs(try #require(rankCorrelation(iq, hours)) + 29.0 / 165) < 1e-15)
  }

  @Test func tiesShareTheirMeanRank() throws {
    #expect(averagedRanks([10, 20, 20, 30]) == [1, 2.5, 2.5, 4])
    #expect(averagedRanks([3, 1, 3, 3]) == [3, 1, 3, 3])
    // Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4: covariance 4.5, variances 4.5 and 5.
    let value = try #require(rankCorrelation([1, 2, 2, 4], [1, 7, 3, 9]))
    #expect(abs(value - 4.5 / (4.5 * 5.0).squareRoot()) < 1e-15)
  }

  @Test func undefinedWhereThereIsNoOrder() {
    #expect(rankCorrelation([], []) == nil)
    #expect(rankCorrelation([1], [2]) == nil)
    #expect(rankCorrelation([1, 1, 1], [1, 2, 3]) == nil)
    #expect(rankCorrelation([1, .nan], [1, 2]) == nil)
    #expect(rankCorrelation([1, 2], [1, 2, 3]) == nil)
  }
}
