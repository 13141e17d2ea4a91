/// Something about the user's files that a reader of the results should know: what was found, how often, one example, the
/// likely cause, and what to do.
public struct DataFinding: Codable, Sendable, Equatable, CustomStringConvertible {
  /// How much a finding matters.
  public enum Severity: String, Codable, Sendable, CaseIterable {
    /// What is asked for cannot come out right.
    case error
    /// Results or labels are likely to be worth less than they could be.
    case warning
    /// A peculiarity that may well be intended.
    case note
  }

  /// A finding's kind, the same in every version: a word for programs.
  public struct Code: RawRepresentable, Codable, Sendable, Hashable, CustomStringConvertible {
    /// Words with hyphens between them.
    public let rawValue: String
    /// Makes a code of its name.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// The name.
    public var description: String { rawValue }
  }

  /// What kind of thing was found.
  public var code: Code
  /// How much it matters.
  public var severity: Severity
  /// How many records it is about.
  public var count: Int
  /// One of these records and what stands there, such as `annotations[3]: [20, 90, 70, -5]`.
  public var example: String?
  /// What was found: a sentence without a full stop, which names the count.
  public var message: String
  /// The likely cause as a question, or what to do.
  public var remedy: String?
  /// The file that it was found in; `nil` for data in memory.
  public var file: String?

  /// Makes a finding.
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

  /// The same finding about another file.
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
