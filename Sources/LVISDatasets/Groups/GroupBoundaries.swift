import Foundation

/// The boundaries between groups: stated as counts, or found from the counts of the classes.
public enum GroupBoundaries: Sendable, Equatable {
  /// At these counts, ascending: 10, 100, 1000 in the paper.
  case counts([Int])
  /// A number of groups, divided by natural breaks of the logarithms of the counts.
  case naturalBreaks(groups: Int)

  /// The boundaries of the paper: 10, 100 and 1,000.
  public static let usual = GroupBoundaries.counts([10, 100, 1000])

  /// Reads `10,100,1000` or `auto:4`; `nil` for another text. That boundaries ascend is
  /// looked at when classes are grouped, if not before.
  public init?(_ text: String) {
    let prefix = "auto:"
    if text.hasPrefix(prefix) {
      guard let groups = Int(text.dropFirst(prefix.count)), (1...1000).contains(groups) else { return nil }
      self = .naturalBreaks(groups: groups)
    } else {
      let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { part in
        Int(part.drop { $0 == " " })
      }
      let values = parts.compactMap { $0 }
      guard values.count == parts.count else { return nil }
      self = .counts(values)
    }
  }

  /// The inner boundaries for classes with these counts.
  ///
  /// - Throws: `CategoryGroupsError` if there are fewer different counts than groups.
  public func values(for counts: [Int]) throws -> [Int] {
    switch self {
    case .counts(let values): values
    case .naturalBreaks(let groups): try LVISDatasets.naturalBreaks(of: counts, groups: groups)
    }
  }
}

extension GroupBoundaries: CustomStringConvertible {
  /// The text that `init(_:)` reads: `10,100,1000` or `auto:4`.
  public var description: String {
    switch self {
    // No boundary, one group: an empty text would be read as nothing at all.
    case .counts(let values): values.isEmpty ? "auto:1" : values.map(String.init).joined(separator: ",")
    case .naturalBreaks(let groups): "auto:\(groups)"
    }
  }
}

extension CategoryGroups {
  /// Groups classes by their counts.
  ///
  /// - Parameters:
  ///   - counts: Id, name and counts of every class, in any order.
  ///   - boundaries: How the boundaries are chosen.
  ///   - countedBy: Whether instances or images are held against them.
  ///   - countsSource: Where the counts come from, if that is known.
  /// - Throws: `CategoryGroupsError` if there are no such boundaries, an id stands twice, or there is no class.
  public init(
    counts: [CategoryCount], boundaries: GroupBoundaries, countedBy: CountedBy = .instances,
    countsSource: CountsSource? = nil
  ) throws {
    let held = counts.map { countedBy == .instances ? $0.instances : $0.images }
    try self.init(
      counts: counts, boundaries: try boundaries.values(for: held), countedBy: countedBy, countsSource: countsSource)
  }
}

/// The boundaries that divide classes into groups with the least sum of squared differences between the logarithms of
/// their counts and their group's mean: natural breaks (Fisher 1958, Jenks 1977), found exactly by dynamic programming.
///
/// A class without instances counts as one. Classes of the same count are never divided.
///
/// - Parameters:
///   - counts: n_c, at least one.
///   - groups: How many groups, at least one.
/// - Returns: For every group but the first its smallest count.
/// - Throws: `CategoryGroupsError` if there are fewer different counts than groups.
/// - Complexity: O(groups · m log m) for m different counts.
public func naturalBreaks(of counts: [Int], groups: Int) throws -> [Int] {
  var multiplicity: [Int: Int] = [:]
  for count in counts { multiplicity[max(1, count), default: 0] += 1 }
  let values = multiplicity.keys.sorted()
  guard values.count >= groups else {
    throw CategoryGroupsError(
      .boundaries, "\(groups) groups need as many different counts, but the classes have only \(values.count)")
  }
  let deviations = Deviations(values: values.map { log(Double($0)) }, weights: values.map { multiplicity[$0] ?? 0 })

  // best[i]: the least sum for the first i values in the groups so far; starts[g][i]: where the last of them begins.
  var best = (0...values.count).map { deviations.sum(0..<$0) }
  var starts: [[Int]] = []
  for group in 1..<max(1, groups) {
    var next = Array(repeating: Double.infinity, count: values.count + 1)
    var start = Array(repeating: group, count: values.count + 1)
    // The best start never moves back as i grows, so each half of the range bounds the other's search.
    func solve(_ ends: Range<Int>, _ candidates: ClosedRange<Int>) {
      guard let first = ends.first else { return }
      let middle = (first + ends.upperBound) / 2
      for candidate in candidates.lowerBound...max(candidates.lowerBound, min(candidates.upperBound, middle - 1)) {
        let sum = best[candidate] + deviations.sum(candidate..<middle)
        if sum < next[middle] { (next[middle], start[middle]) = (sum, candidate) }
      }
      solve(first..<middle, candidates.lowerBound...start[middle])
      solve(middle + 1..<ends.upperBound, start[middle]...candidates.upperBound)
    }
    solve(group + 1..<values.count + 1, group...max(group, values.count - 1))
    best = next
    starts.append(start)
  }

  var boundaries: [Int] = []
  var end = values.count
  for start in starts.reversed() {
    end = start[end]
    boundaries.append(values[end])
  }
  return boundaries.reversed()
}

/// Sums of squared deviations from the mean over runs of weighted values, each in constant time.
private struct Deviations {
  private var weights: [Double] = [0]
  private var sums: [Double] = [0]
  private var squares: [Double] = [0]

  init(values: [Double], weights: [Int]) {
    // Around their middle, for the sake of digits.
    let shift = ((values.first ?? 0) + (values.last ?? 0)) / 2
    var (weight, sum, square) = (0.0, 0.0, 0.0)
    for (value, count) in zip(values, weights) {
      weight += Double(count)
      sum += Double(count) * (value - shift)
      square += Double(count) * (value - shift) * (value - shift)
      self.weights.append(weight)
      sums.append(sum)
      squares.append(square)
    }
  }

  func sum(_ run: Range<Int>) -> Double {
    let weight = weights[run.upperBound] - weights[run.lowerBound]
    if weight <= 0 { return 0 }
    let sum = sums[run.upperBound] - sums[run.lowerBound]
    return max(0, squares[run.upperBound] - squares[run.lowerBound] - sum * sum / weight)
  }
}
