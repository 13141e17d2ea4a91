import Foundation

/// Chooses the learning rate to try next: a geometric grid, extended where its best rate lies at an end, refined around
/// the best where it does not.
///
/// It looks at nothing but what was tried, so a search that was interrupted goes on as it would have.
public struct LearningRateSearch: Sendable {
  /// A rate and what it came to.
  public struct Point: Sendable, Equatable {
    /// The learning rate that was tried.
    public let rate: Double
    /// The metric, the more the better; −∞ where training diverged.
    public let score: Double

    /// Makes a point of a rate and its score.
    public init(rate: Double, score: Double) {
      self.rate = rate
      self.score = score
    }
  }

  /// The rates of the first trials, ascending.
  public let start: [Double]
  /// The factor by which the grid is extended at a time.
  public let factor: Double
  /// The rates that may be tried.
  public let bounds: ClosedRange<Double>

  /// Begins at a rate, ten times and a hundred times it.
  ///
  /// The published recipes are for whole detectors; a last layer on cached features bears more, often a hundred times.
  public init(from rate: Double, factor: Double = 10, bounds: ClosedRange<Double> = 1e-6...1e4) {
    start = [rate, rate * factor, rate * factor * factor].map {
      Self.rounded(min(max($0, bounds.lowerBound), bounds.upperBound))
    }
    self.factor = factor
    self.bounds = bounds
  }

  /// The best point: the highest score; of equal scores that of the highest rate, and where everything diverged the
  /// lowest rate.
  public static func best(of points: [Point]) -> Point? {
    points.max { a, b in
      if a.score != b.score { return a.score < b.score }
      return a.score.isFinite ? a.rate < b.rate : a.rate > b.rate
    }
  }

  /// The next rate to try.
  ///
  /// - Parameter tried: What was tried, in any order.
  /// - Returns: A rate that is not among them; `nil` where no other is left to three digits.
  public func next(after tried: [Point]) -> Double? {
    let points = tried.sorted { $0.rate < $1.rate }
    if let first = start.first(where: { rate in !points.contains { $0.rate == rate } }), points.count < start.count {
      return first
    }
    guard let best = Self.best(of: points), let place = points.firstIndex(of: best) else { return start.first }
    // At an end: further out.
    if place == points.count - 1, let rate = fresh(best.rate * factor, points) { return rate }
    if place == 0, let rate = fresh(best.rate / factor, points) { return rate }
    // The wider gap beside the best; of two as wide, that to the better neighbour.
    let neighbours = [place - 1, place + 1].filter(points.indices.contains).map { points[$0] }.sorted { a, b in
      let (gapA, gapB) = (abs(log(a.rate / best.rate)), abs(log(b.rate / best.rate)))
      return abs(gapA - gapB) > 0.1 ? gapA > gapB : a.score > b.score
    }
    return neighbours.lazy.compactMap { fresh(($0.rate * best.rate).squareRoot(), points) }.first
  }

  private func fresh(_ rate: Double, _ tried: [Point]) -> Double? {
    let rate = Self.rounded(rate)
    return bounds.contains(rate) && !tried.contains { $0.rate == rate } ? rate : nil
  }

  /// Three digits: a rate that can be typed.
  static func rounded(_ rate: Double) -> Double { Double(String(format: "%.3g", rate)) ?? rate }
}
