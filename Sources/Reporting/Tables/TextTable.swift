/// A table of texts, for a terminal, Markdown or a page.
public struct TextTable: Sendable {
  /// How a column is aligned: texts to the left, numbers to the right.
  public enum Alignment: Sendable {
    /// For texts.
    case left
    /// For numbers.
    case right
  }

  /// A cell.
  public struct Cell: Sendable, Equatable {
    /// What it says.
    public let text: String
    /// What stands behind, such as ` ±0.2`; it is not emphasised.
    public let detail: String
    /// Whether it is the best of its column, and emphasised.
    public let isBest: Bool

    /// Makes a cell.
    public init(_ text: String, detail: String = "", isBest: Bool = false) {
      self.text = text
      self.detail = detail
      self.isBest = isBest
    }
  }

  /// The columns' titles.
  public let titles: [String]
  /// The columns' alignments.
  public let alignments: [Alignment]
  /// The rows below the titles.
  public private(set) var rows: [[Cell]] = []

  /// Makes a table without rows.
  ///
  /// - Parameter columns: Each column's title and alignment.
  public init(_ columns: [(String, Alignment)]) {
    titles = columns.map(\.0)
    alignments = columns.map(\.1)
  }

  /// Appends a row.
  public mutating func add(_ texts: [String]) { rows.append(texts.map { Cell($0) }) }

  /// Appends a row.
  public mutating func add(cells: [Cell]) { rows.append(cells) }

  /// The texts of the rows.
  ///
  /// - Parameter mark: Turns the text of the best into what is shown.
  public func texts(marking mark: (String) -> String) -> [[String]] {
    rows.map { $0.map { ($0.isBest ? mark($0.text) : $0.text) + $0.detail } }
  }

  /// The table in Markdown, the best of each column bold.
  public var markdown: String {
    let rule = alignments.map { $0 == .left ? "---" : "---:" }
    return ([titles, rule] + texts { "**\($0)**" }).map { "| " + $0.joined(separator: " | ") + " |" }
      .joined(separator: "\n")
  }
}
