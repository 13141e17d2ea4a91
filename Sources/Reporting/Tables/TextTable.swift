/// A table of texts, for a terminal, Markdown or a page.
public struct TextTable: Sendable {
  /// The alignment of a column: texts to the left, numbers to the right.
  public enum Alignment: Sendable {
    /// To the left, for texts.
    case left
    /// To the right, for numbers.
    case right
  }

  /// A cell: its text, and whether it is the best of its column.
  public struct Cell: Sendable, Equatable {
    /// The text of the cell.
    public let text: String
    /// The text behind it, such as ` ±0.2`, which is not emphasised; empty for none.
    public let detail: String
    /// Whether it is the best of its column, and emphasised.
    public let isBest: Bool

    /// Makes a cell.
    ///
    /// - Parameters:
    ///   - text: The text of the cell.
    ///   - detail: The text behind it, which is not emphasised.
    ///   - isBest: Whether it is the best of its column.
    public init(_ text: String, detail: String = "", isBest: Bool = false) {
      self.text = text
      self.detail = detail
      self.isBest = isBest
    }
  }

  /// The titles of the columns.
  public let titles: [String]
  /// The alignments of the columns.
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

  /// Appends a row of texts, one a column.
  public mutating func add(_ texts: [String]) { rows.append(texts.map { Cell($0) }) }

  /// Appends a row of cells, one a column.
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
