/// Writes SVG and HTML elements, with every text and attribute escaped.
package struct MarkupWriter {
  package private(set) var text = ""
  private var open: [String] = []

  /// Starts with nothing written.
  package init() {}

  /// Writes an element without content.
  mutating func element(_ name: String, _ attributes: KeyValuePairs<String, String>, note: String? = nil) {
    if let note {
      text += "\(indent)<\(name)\(Self.written(attributes))><title>\(escaped(note))</title></\(name)>\n"
    } else {
      text += "\(indent)<\(name)\(Self.written(attributes))/>\n"
    }
  }

  /// Writes an element that holds a text.
  package mutating func element(_ name: String, _ attributes: KeyValuePairs<String, String>, content: String) {
    text += "\(indent)<\(name)\(Self.written(attributes))>\(escaped(content))</\(name)>\n"
  }

  /// Writes an element around what `body` writes.
  package mutating func group(
    _ name: String = "g", _ attributes: KeyValuePairs<String, String>, body: (inout MarkupWriter) -> Void
  ) {
    text += "\(indent)<\(name)\(Self.written(attributes))>\n"
    open.append(name)
    body(&self)
    open.removeLast()
    text += "\(indent)</\(name)>\n"
  }

  /// Writes markup as it is: no text of a user's may be in it that is not escaped.
  package mutating func raw(_ markup: String) { text += markup.hasSuffix("\n") ? markup : markup + "\n" }

  private var indent: String { String(repeating: " ", count: open.count) }

  private static func written(_ attributes: KeyValuePairs<String, String>) -> String {
    attributes.map { " \($0.key)=\"\(escaped($0.value))\"" }.joined()
  }
}

/// A text for XML and HTML: the five special characters as entities; control characters, which XML does not know, as
/// the replacement character.
package func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\t", "\n": result += " "
    case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
