import BalancedGroupSoftmax

/// Classes by how often they occur, in bins that grow as 1, 2, 5, 10, …: a long tail, drawn in a terminal.
struct CountHistogram {
  /// One bar: the classes with `lower <= count < upper`.
  struct Bin: Equatable {
    let lower: Int
    let upper: Int
    let group: Int
    var classes = 0

    /// Both ends inclusive: `20–49`.
    var label: String {
      if upper == .max { return "\(grouped(lower)) or more" }
      return upper - lower == 1 ? grouped(lower) : "\(grouped(lower))–\(grouped(upper - 1))"
    }
  }

  private(set) var bins: [Bin] = []

  /// - Parameters:
  ///   - counts: How often each class occurs.
  ///   - boundaries: The inner boundaries of the groups, ascending; no bin reaches over one.
  init(counts: [Int], boundaries: [Int]) {
    let largest = counts.max() ?? 0
    var edges: Set<Int> = [0, 1]
    var step = 1
    while step <= largest, step < Int.max / 100 {
      edges.formUnion([2 * step, 5 * step, 10 * step])
      step *= 10
    }
    edges.formUnion(boundaries)
    let sorted = edges.sorted()
    bins = zip(sorted, sorted.dropFirst() + [Int.max]).map { lower, upper in
      Bin(lower: lower, upper: upper, group: boundaries.firstIndex { lower < $0 } ?? boundaries.count)
    }
    for count in counts {
      if let bin = bins.lastIndex(where: { $0.lower <= count }) { bins[bin].classes += 1 }
    }
    while let last = bins.last, last.classes == 0, last.lower > largest { bins.removeLast() }
  }

  /// One line a bin: its group where that begins, its range, a bar, its number of classes.
  ///
  /// - Parameter width: The columns to fill.
  func rendered(width: Int, style: TerminalStyle = .output) -> String {
    let labelWidth = bins.map(\.label.count).max() ?? 0
    let numberWidth = grouped(bins.map(\.classes).max() ?? 0).count
    let groupWidth = "G\((bins.last?.group ?? 0) + 1)".count
    let room = max(8, min(width, 100) - groupWidth - labelWidth - numberWidth - 6)
    let largest = max(1, bins.map(\.classes).max() ?? 1)
    return bins.enumerated().map { index, bin in
      let isFirst = index == 0 || bins[index - 1].group != bin.group
      let name = isFirst ? "G\(bin.group + 1)" : ""
      let bar = Self.bar(Double(bin.classes) / Double(largest) * Double(room))
      let label = String(repeating: " ", count: labelWidth - bin.label.count) + bin.label
      return style.bold(name + String(repeating: " ", count: groupWidth - name.count)) + "  " + label + "  "
        + (bin.group % 2 == 0 ? bar : style.dim(bar)) + (bin.classes == 0 ? "·" : " " + grouped(bin.classes))
    }.joined(separator: "\n")
  }

  /// A bar of so many columns, to an eighth of one; the least that is not nothing is an eighth.
  private static func bar(_ length: Double) -> String {
    guard length > 0 else { return "" }
    let eighths = max(1, Int((length * 8).rounded()))
    let blocks: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    let part = eighths % 8 == 0 ? "" : String(blocks[eighths % 8 - 1])
    return String(repeating: "█", count: eighths / 8) + part
  }
}
