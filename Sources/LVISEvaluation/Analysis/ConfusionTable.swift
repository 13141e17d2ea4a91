import LVISDatasets

/// What objects are called: for each object the class of the best-scored detection on it, summed up by frequency or
/// group. The long tail's question is whether rare objects are missed or called something frequent.
///
/// A detection is on an object from IoU .5, and may be on several. Every class takes part that the ground truth knows,
/// whatever the image was searched for.
public struct ConfusionTable: Sendable {
  /// The objects of some classes.
  public struct Row: Sendable, Equatable {
    /// Their classes.
    public let split: ClassSplit
    /// Objects that count.
    public fileprivate(set) var objectCount = 0
    /// Called what they are.
    public fileprivate(set) var correctCount = 0
    /// Called another class, by that class's place among `splits`.
    public fileprivate(set) var wrongCounts: [Int]
    /// No detection is on them.
    public fileprivate(set) var missedCount = 0
  }

  /// Two classes and how often the one is called the other.
  public struct Pair: Sendable, Equatable {
    /// The object's class, by category id.
    public let objectCategoryID: Int
    /// What it is called, by category id.
    public let calledCategoryID: Int
    /// How often.
    public let count: Int
  }

  /// The columns: the groups of the options, or else rare, common and frequent; classes in none of them come last, where
  /// there are any.
  public let splits: [ClassSplit]
  /// One for each of `splits`.
  public let rows: [Row]
  /// Classes that are taken for one another, most often first.
  public let pairs: [Pair]

  /// - Parameter calledAs: For every object the place of the class that it is called: −1 for none, −2 for an object that
  ///   does not count.
  init(calledAs: [Int32], truth: GroundTruthIndex, options: EvaluationOptions) {
    let (splits, places) = Self.splits(truth.categories, options)
    var rows = splits.map { Row(split: $0, wrongCounts: [Int](repeating: 0, count: splits.count)) }
    var pairs: [UInt64: Int] = [:]
    for (own, called) in zip(truth.categoryOfObject, calledAs) where called > -2 {
      let row = places[Int(own)]
      rows[row].objectCount += 1
      if called < 0 {
        rows[row].missedCount += 1
      } else if called == own {
        rows[row].correctCount += 1
      } else {
        rows[row].wrongCounts[places[Int(called)]] += 1
        pairs[UInt64(own) << 32 | UInt64(called), default: 0] += 1
      }
    }
    self.splits = splits
    self.rows = rows
    self.pairs = pairs.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
      Pair(
        objectCategoryID: truth.categories[Int($0.key >> 32)].id,
        calledCategoryID: truth.categories[Int($0.key & 0xFFFF_FFFF)].id, count: $0.value)
    }
  }

  /// The columns, and the place of each category's.
  private static func splits(
    _ categories: [LVISCategory], _ options: EvaluationOptions
  ) -> (splits: [ClassSplit], places: [Int]) {
    let own: [ClassSplit] = categories.map { category in
      guard let groups = options.groups else { return .frequency(options.frequency(of: category)) }
      return groups.group(ofCategory: category.id).map { .group($0) } ?? .frequency(nil)
    }
    var splits: [ClassSplit] =
      options.groups.map { groups in (0..<groups.groupCount).map { .group($0) } }
      ?? LVISFrequency.allCases.map { .frequency($0) }
    if own.contains(.frequency(nil)) { splits.append(.frequency(nil)) }
    return (splits, own.map { splits.firstIndex(of: $0) ?? 0 })
  }
}
