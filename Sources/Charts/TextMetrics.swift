/// The room that a text takes.
///
/// The reader's font is not known when a chart is laid out, so the widths are those of DejaVu Sans, one of the widest
/// in common use: what fits in it fits in Helvetica, Arial or Liberation Sans.
package enum TextMetrics {
  /// The width of a text in pixels.
  package static func width(_ text: String, size: Double, isBold: Bool = false) -> Double {
    let units = text.unicodeScalars.reduce(0) { $0 + advance($1) }
    return Double(units) / 1000 * size * (isBold ? 1.12 : 1)
  }

  /// The text, or as much of it as fits with an ellipsis behind.
  package static func fitting(_ text: String, width limit: Double, size: Double, isBold: Bool = false) -> String {
    if width(text, size: size, isBold: isBold) <= limit { return text }
    var rest = text
    while !rest.isEmpty {
      rest.removeLast()
      let short = rest.reversed().drop { $0 == " " }.reversed() + "…"
      if width(String(short), size: size, isBold: isBold) <= limit { return String(short) }
    }
    return ""
  }

  /// The text in lines that fit, broken between words.
  package static func lines(_ text: String, width limit: Double, size: Double, isBold: Bool = false) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, width("\(last) \(word)", size: size, isBold: isBold) <= limit {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(fitting(String(word), width: limit, size: size, isBold: isBold))
      }
    }
    return lines
  }

  private static func advance(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 32..<127: asciiAdvances[Int(scalar.value) - 32]
    case 0x300..<0x370: 0
    case 0x2070..<0x20A0: 440
    case 0x2010..<0x2016: 500
    case 0x2190..<0x2300: 840
    case 0x1100..<0x1200, 0x2E80...: 1000
    default: 720
    }
  }

  /// Thousandths of the font size, from the space on.
  private static let asciiAdvances = [
    317, 400, 459, 837, 636, 950, 779, 274, 390, 390, 500, 837, 317, 360, 317, 336, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 336, 336, 837, 837, 837, 530, 1000, 684, 686, 698, 770, 631, 575, 774, 751, 294, 294, 655, 557, 862,
    748, 787, 603, 787, 694, 634, 610, 731, 684, 988, 685, 610, 685, 390, 336, 390, 837, 500, 500, 612, 634, 549, 634,
    615, 352, 634, 633, 277, 277, 579, 277, 974, 633, 611, 634, 634, 411, 520, 392, 633, 591, 817, 591, 591, 524, 636,
    336, 636, 837,
  ]
}

/// The room that one text takes in a chart.
package struct TextBox: Sendable, Equatable {
  /// The text as it stands in the figure.
  public let text: String
  /// The left edge of the text in pixels.
  public let x: Double
  /// The upper edge of the text in pixels.
  public let y: Double
  /// The width of the text in pixels, as in a wide font.
  public let width: Double
  /// The height of the text in pixels.
  public let height: Double

  /// Whether two texts run into each other.
  public func overlaps(_ other: TextBox) -> Bool {
    x < other.x + other.width && other.x < x + width && y < other.y + other.height && other.y < y + height
  }
}
