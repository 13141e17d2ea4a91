import DurableFiles
import LVISDatasets

/// Classes that an analysis looks at together.
public enum ClassSplit: Sendable, Hashable {
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

extension ClassSplit: LosslessStringConvertible {
  /// The classes that a `description` describes; `nil` where it describes none.
  public init?(_ description: String) {
    if description == "all" {
      self = .all
    } else if let frequency = LVISFrequency(rawValue: description) {
      self = .frequency(frequency)
    } else if description == Self.frequency(nil).description {
      self = .frequency(nil)
    } else if description.hasPrefix("G"), let number = Int(description.dropFirst()), number > 0 {
      self = .group(number - 1)
    } else {
      return nil
    }
  }
}

/// In JSON, its `description`, as a value and as a key.
extension ClassSplit: Codable, CodingKeyRepresentable {
  /// Reads a description.
  ///
  /// - Throws: `DecodingError` for a text that describes no classes.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let split = ClassSplit(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\"\(text)\" is not all, r, c, f, – or a group such as G1")
    }
    self = split
  }

  /// Writes the description.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  /// The description.
  public var codingKey: any CodingKey { NamedKey(description) }

  /// The classes that a key describes; `nil` where it describes none.
  public init?(codingKey: some CodingKey) { self.init(codingKey.stringValue) }
}

/// The rows of an analysis, and which of them each category belongs to.
struct ClassSplits: Sendable {
  let splits: [ClassSplit]
  /// Each category's rows, by its place.
  private let rowsOfCategory: [[Int]]

  /// All classes, those of each frequency, those of each group.
  init(_ categories: [LVISCategory], _ options: EvaluationOptions) {
    let frequencies = categories.map(options.frequency)
    var splits: [ClassSplit] = [.all]
    if !frequencies.allSatisfy({ $0 == nil }) { splits += Self.frequencies(unknown: frequencies.contains(nil)) }
    splits += (0..<(options.groups?.groupCount ?? 0)).map { .group($0) }
    self.splits = splits
    rowsOfCategory = zip(categories, frequencies).map { category, frequency in
      let group = options.groups?.group(ofCategory: category.id)
      let own: [ClassSplit?] = [.all, .frequency(frequency), group.map { .group($0) }]
      return own.compactMap { $0.flatMap(splits.firstIndex) }
    }
  }

  /// Each class in one row: the groups of the options, or else rare, common and frequent; classes in none of them come
  /// last, where there are any.
  init(dividing categories: [LVISCategory], _ options: EvaluationOptions) {
    let own: [ClassSplit] = categories.map { category in
      guard let groups = options.groups else { return .frequency(options.frequency(of: category)) }
      return groups.group(ofCategory: category.id).map { .group($0) } ?? .frequency(nil)
    }
    let hasUnknown = own.contains(.frequency(nil))
    let splits =
      options.groups.map { (0..<$0.groupCount).map { .group($0) } + (hasUnknown ? [.frequency(nil)] : []) }
      ?? Self.frequencies(unknown: hasUnknown)
    self.splits = splits
    rowsOfCategory = own.map { [splits.firstIndex(of: $0) ?? 0] }
  }

  private static func frequencies(unknown: Bool) -> [ClassSplit] {
    LVISFrequency.allCases.map { .frequency($0) } + (unknown ? [.frequency(nil)] : [])
  }

  /// The rows that a category, by its place, belongs to; a category that the ground truth does not know, whose place is
  /// −1, belongs to "all".
  func rows(of category: Int32) -> [Int] { category < 0 ? [0] : rowsOfCategory[Int(category)] }

  /// Whether a category belongs to a row.
  func contains(_ category: Int, inRow row: Int) -> Bool { rowsOfCategory[category].contains(row) }
}
