import BalancedGroupSoftmax

extension RaceTable {
  /// The ladder for the terminal.
  var ladder: String { "\(table.rendered())\n\(notes)" }

  /// The ladder as Markdown.
  var markdown: String { "\(table.markdown)\n\n\(notes)" }

  /// What the winner is worth, with the command that says more.
  var sentence: String { verdict + (isOpen ? " (`bags evaluate --compare`)" : "") }
}
