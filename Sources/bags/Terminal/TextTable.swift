import BalancedGroupSoftmax

/// A table of aligned columns: text to the left, numbers to the right.
struct TextTable {
  enum Alignment { case left, right }

  private let headers: [String]
  private let alignments: [Alignment]
  private var rows: [[String]] = []

  /// - Parameter columns: Each column's header and alignment.
  init(_ columns: [(String, Alignment)]) {
    headers = columns.map(\.0)
    alignments = columns.map(\.1)
  }

  mutating func add(_ cells: [String]) { rows.append(cells) }

  /// The table, its header bold where `style` has colours.
  func rendered(style: TerminalStyle = .output) -> String {
    let widths = headers.indices.map { column in
      ([headers] + rows).map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      zip(widths.indices, cells).map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return alignments[column] == .left ? cell + padding : padding + cell
      }.joined(separator: "  ").trimmingTrailingSpaces()
    }
    return ([style.bold(line(headers))] + rows.map(line)).joined(separator: "\n")
  }
}

extension String {
  fileprivate func trimmingTrailingSpaces() -> String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
