import BalancedGroupSoftmax

/// A text in lines that fit the terminal.
///
/// - Parameters:
///   - text: Words with spaces between them.
///   - indent: The columns before the text; lines but the first begin with as many spaces.
///   - width: The terminal's columns; at most 100 are used, longer lines are hard to read.
func folded(_ text: String, indent: Int, width: Int = terminalWidth()) -> String {
  folded(words: text.split(separator: " ").map(String.init), separator: " ", indent: indent, width: width)
}

/// Words that are kept whole, such as an option with its default, in lines that fit the terminal.
func folded(words: [String], separator: String = "  ", indent: Int, width: Int = terminalWidth()) -> String {
  let room = max(20, min(width, 100) - indent)
  var lines: [String] = []
  for word in words {
    if let last = lines.last, last.count + separator.count + word.count <= room {
      lines[lines.count - 1] = last + separator + word
    } else {
      lines.append(word)
    }
  }
  return lines.joined(separator: "\n" + pad(indent))
}

/// So many spaces.
func pad(_ count: Int) -> String { String(repeating: " ", count: count) }
