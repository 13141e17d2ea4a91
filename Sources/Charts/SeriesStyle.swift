/// A colour of the palette of Okabe and Ito (2008), told apart by colour-blind readers; the yellow is left out, which
/// nobody reads on white. Each has a lighter twin for dark pages.
public enum SeriesColor: String, Sendable, CaseIterable {
  /// Grey, for the series that others are compared with.
  case neutral
  /// Blue, #0072b2 on a light page.
  case blue
  /// Vermillion, #d55e00 on a light page.
  case vermillion
  /// Bluish green, #009e73 on a light page.
  case green
  /// Reddish purple, #cc79a7 on a light page.
  case purple
  /// Orange, #e69f00 on a light page.
  case orange
  /// Sky blue, #56b4e9 on a light page.
  case sky

  /// The colour on a light page.
  var onLight: String {
    switch self {
    case .neutral: "#57606a"
    case .blue: "#0072b2"
    case .vermillion: "#d55e00"
    case .green: "#009e73"
    case .purple: "#cc79a7"
    case .orange: "#e69f00"
    case .sky: "#56b4e9"
    }
  }

  /// The colour on a dark page.
  var onDark: String {
    switch self {
    case .neutral: "#b4bcc6"
    case .blue: "#4aa3e8"
    case .vermillion: "#ff8a3d"
    case .green: "#2fd1a0"
    case .purple: "#e79ac4"
    case .orange: "#f2b632"
    case .sky: "#97d6ff"
    }
  }
}

/// The dashes of a line, by which lines of one colour are told apart.
public enum LineDash: String, Sendable, CaseIterable {
  /// A line without gaps.
  case solid
  /// Dashes of 6 pixels with gaps of 3.
  case dashed
  /// Dots with gaps of 3 pixels.
  case dotted
  /// Dashes with a dot between.
  case dashDotted
  /// Dashes of 12 pixels with gaps of 4.
  case longDashed
  /// Dashes with two dots between.
  case dashDotDotted

  /// SVG's `stroke-dasharray`; `nil` for an unbroken line.
  var pattern: String? {
    switch self {
    case .solid: nil
    case .dashed: "6 3"
    case .dotted: "1.5 3"
    case .dashDotted: "7 3 1.5 3"
    case .longDashed: "12 4"
    case .dashDotDotted: "9 3 1.5 3 1.5 3"
    }
  }
}

/// The shape of a point, by which points of one colour are told apart.
public enum MarkerShape: String, Sendable, CaseIterable {
  /// A disc; the default.
  case circle
  /// A square that stands on its corner.
  case diamond
  /// A square that stands on its side.
  case square
  /// A triangle with its tip up.
  case triangle
  /// A triangle with its tip down.
  case invertedTriangle
  /// Two strokes that cross, like the letter x.
  case cross
}

/// The colour, dashes and shape of a series, the same wherever it is drawn.
public struct SeriesStyle: Sendable, Hashable {
  /// The colour of the series' points, lines and areas.
  public var color: SeriesColor
  /// The dashes of the series' lines; unbroken by default.
  public var dash: LineDash
  /// The shape of the series' points; a disc by default.
  public var shape: MarkerShape

  /// Makes a style; lines are unbroken and points are discs unless something else is stated.
  public init(_ color: SeriesColor, dash: LineDash = .solid, shape: MarkerShape = .circle) {
    self.color = color
    self.dash = dash
    self.shape = shape
  }
}

extension SeriesStyle {
  /// Styles for the parts of one series: the first, which is the whole, in grey, and the others in a colour each.
  public static func styles(forParts count: Int) -> [SeriesStyle] {
    let colors: [SeriesColor] = [.neutral, .purple, .vermillion, .orange, .green, .blue, .sky]
    return (0..<count).map { index in
      let turn = index < colors.count ? 0 : 1 + (index - colors.count) / (colors.count - 1)
      let color = index < colors.count ? colors[index] : colors[1 + (index - colors.count) % (colors.count - 1)]
      return SeriesStyle(color, turn: turn)
    }
  }

  /// The style of a number among those of its colour: dashes and shape change together.
  package init(_ color: SeriesColor, turn: Int) {
    self.init(
      color, dash: LineDash.allCases[turn % LineDash.allCases.count],
      shape: MarkerShape.allCases[turn % MarkerShape.allCases.count])
  }

  /// The number of a style among those of its colour.
  package var turn: Int { LineDash.allCases.firstIndex(of: dash) ?? 0 }
}
