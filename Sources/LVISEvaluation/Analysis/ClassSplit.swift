import LVISDatasets

/// Classes that an analysis looks at together.
public enum ClassSplit: Sendable, Hashable, CustomStringConvertible {
  /// Every class.
  case all
  /// The classes of a frequency; `nil` for those without one.
  case frequency(LVISFrequency?)
  /// The classes of a group of the options, numbered from 0.
  case group(Int)

  /// `all`, `r`, `c`, `f`, `–`, `G1`, `G2`...
  public var description: String {
    switch self {
    case .all: "all"
    case .frequency(let frequency): frequency?.rawValue ?? "–"
    case .group(let group): "G\(group + 1)"
    }
  }
}

/// The rows of an analysis: all classes, those of each frequency, those of each group.
struct ClassSplits: Sendable {
  let splits: [ClassSplit]
  /// Each category's rows, by its place.
  private let rowsOfCategory: [[Int]]

  init(_ categories: [LVISCategory], _ options: EvaluationOptions) {
    let frequencies = categories.map(options.frequency)
    var splits: [ClassSplit] = [.all]
    if !frequencies.allSatisfy({ $0 == nil }) {
      splits += LVISFrequency.allCases.map { .frequency($0) }
      if frequencies.contains(nil) { splits.append(.frequency(nil)) }
    }
    splits += (0..<(options.groups?.groupCount ?? 0)).map { .group($0) }
    self.splits = splits
    rowsOfCategory = zip(categories, frequencies).map { category, frequency in
      let own: [ClassSplit?] = [
        .all, .frequency(frequency), options.groups?.group(ofCategory: category.id).map { .group($0) },
      ]
      return own.compactMap { $0.flatMap(splits.firstIndex) }
    }
  }

  /// The rows that a category, by its place, belongs to; a category that the ground truth does not know, whose place is
  /// −1, belongs to "all".
  func rows(of category: Int32) -> [Int] { category < 0 ? [0] : rowsOfCategory[Int(category)] }

  /// Whether a category belongs to a row.
  func contains(_ category: Int, inRow row: Int) -> Bool { rowsOfCategory[category].contains(row) }
}
