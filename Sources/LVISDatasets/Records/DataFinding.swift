/// A finding about the user's files that a reader of the results should know: its kind, how often it occurs, one
/// example, the likely cause, and what to do.
public struct DataFinding: Codable, Sendable, Equatable, CustomStringConvertible {
  /// The weight of a finding: whether results can still come out right.
  public enum Severity: String, Codable, Sendable, CaseIterable {
    /// A result that is asked for cannot come out right.
    case error
    /// Results or labels are likely to be worth less than they could be.
    case warning
    /// A peculiarity that may well be intended.
    case note
  }

  /// A finding's kind, the same in every version: a word for programs.
  public struct Code: RawRepresentable, Codable, Sendable, Hashable, CustomStringConvertible {
    /// The name: words with hyphens between them.
    public let rawValue: String
    /// Makes a code from its name.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// The name of the code, its raw value.
    public var description: String { rawValue }
  }

  /// The kind of the finding.
  public var code: Code
  /// The weight of the finding.
  public var severity: Severity
  /// The number of records that it is about.
  public var count: Int
  /// One of these records and what stands there, such as `annotations[3]: [20, 90, 70, -5]`.
  public var example: String?
  /// The finding as a sentence without a full stop, which names the count.
  public var message: String
  /// The likely cause as a question, or what to do.
  public var remedy: String?
  /// The file that it was found in; `nil` for data in memory.
  public var file: String?

  /// Makes a finding from its kind, its weight, its count and its texts.
  public init(
    _ code: Code, _ severity: Severity = .warning, count: Int, _ message: String, example: String? = nil,
    remedy: String? = nil, file: String? = nil
  ) {
    self.code = code
    self.severity = severity
    self.count = count
    self.message = message
    self.example = example
    self.remedy = remedy
    self.file = file
  }

  /// One line, without the file's name: message, example, remedy.
  public var description: String { message + (example.map { " (\($0))" } ?? "") + (remedy.map { "; \($0)" } ?? "") }

  /// One line with the file's name, where there is one.
  public var line: String { (file.map { "\($0): " } ?? "") + description }

  /// Whether what is missing is needed for scoring detections alone, and not for training or counting.
  public var concernsScoringOnly: Bool {
    [.imagesWithoutNegatives, .imagesWithoutExhaustiveness, .categoriesWithoutFrequency].contains(code)
  }

  /// A copy of the finding that names another file.
  public func inFile(_ path: String?) -> DataFinding {
    var finding = self
    finding.file = path
    return finding
  }
}

extension DataFinding.Severity {
  /// A warning where this many of so many records are concerned, 1 % or more; a note below.
  package init(share part: Int, of all: Int) { self = 100 * part >= all ? .warning : .note }
}

/// A number with its noun: `1 annotation`, `3 categories`.
package func counted(_ count: Int, _ singular: String, _ plural: String? = nil) -> String {
  "\(count) \(count == 1 ? singular : plural ?? singular + "s")"
}

/// A part of a whole with its noun: `all 3 images`, `2 of 3 images`.
package func share(_ part: Int, of all: Int, _ singular: String, _ plural: String? = nil) -> String {
  let noun = all == 1 ? singular : plural ?? singular + "s"
  return part == all ? (all == 1 ? "the only \(noun)" : "all \(all) \(noun)") : "\(part) of \(all) \(noun)"
}

/// The first few of many ids, ascending.
package func listed(_ ids: [Int]) -> String {
  ids.prefix(5).map(String.init).joined(separator: ", ") + (ids.count > 5 ? ", …" : "")
}
