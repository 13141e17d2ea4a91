import Foundation
import MethodComparison
import Testing

@Suite struct LearningRateSearchTests {
  /// Searches with a number of trials on a score that is a function of the rate.
  private func tried(_ count: Int, from rate: Double, _ score: (Double) -> Double) -> [LearningRateSearch.Point] {
    let search = LearningRateSearch(from: rate)
    var points: [LearningRateSearch.Point] = []
    while points.count < count, let next = search.next(after: points) {
      points.append(.init(rate: next, score: score(next)))
    }
    return points
  }

  @Test(arguments: [1e-4, 3e-3, 0.02, 0.15, 0.7, 4, 60.0])
  func comesNearABestRateWhereverItLies(best: Double) throws {
    let points = tried(9, from: 0.01) { -pow(log10($0 / best), 2) }
    #expect(points.count == 9 && Set(points.map(\.rate)).count == 9)
    let picked = try #require(LearningRateSearch.best(of: points))
    #expect(picked.score == points.map(\.score).max())
    #expect(abs(log10(picked.rate / best)) < 0.25, "\(picked.rate) instead of \(best)")
  }

  @Test func startsWithTheGridAndGoesDownWhereEverythingDiverges() {
    let points = tried(5, from: 0.01) { _ in -.infinity }
    #expect(points.map(\.rate) == [0.01, 0.1, 1, 0.001, 0.0001])
    #expect(LearningRateSearch.best(of: points)?.rate == 0.0001)
  }

  @Test func goesUpWhereNothingIsLearntYetAndStaysBelowWhatDiverges() {
    #expect(tried(4, from: 0.01) { _ in 0 }.map(\.rate) == [0.01, 0.1, 1, 10])
    let points = tried(6, from: 0.01) { $0 > 0.5 ? -.infinity : $0 }
    #expect(LearningRateSearch.best(of: points).map { (0.1...0.5).contains($0.rate) } == true)
  }

  @Test func endsWhereNoRateIsLeft() {
    let search = LearningRateSearch(from: 1, factor: 2, bounds: 1...1.02)
    var points: [LearningRateSearch.Point] = []
    while let next = search.next(after: points), points.count < 20 { points.append(.init(rate: next, score: next)) }
    #expect(points.count < 20 && points.allSatisfy { (1...1.02).contains($0.rate) })
    #expect(LearningRateSearch.best(of: []) == nil)
  }
}
