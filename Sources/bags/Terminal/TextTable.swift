import BalancedGroupSoftmax

extension TextTable {
  /// The table for a terminal, in aligned columns: its titles bold where `style` has colours, the best of each column
  /// marked `*`.
  func rendered(style: TerminalStyle = .output) -> String {
    let rows = texts { "*" + $0 }
    let widths = titles.indices.map { column in
      ([titles] + rows).map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      var line = zip(widths.indices, cells).map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return alignments[column] == .left ? cell + padding : padding + cell
      }.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
    return ([style.bold(line(titles))] + rows.map(line)).joined(separator: "\n")
  }
}
