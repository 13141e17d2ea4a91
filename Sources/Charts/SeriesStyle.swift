/// A colour of the palette of Okabe and Ito (2008), told apart by colour-blind readers; the yellow is left out, which
/// nobody reads on white. Each has a lighter twin for dark pages.
public enum SeriesColor: String, Sendable, CaseIterable {
  /// Grey: what others are held against.
  case neutral
  /// Blue.
  case blue
  /// Vermillion.
  case vermillion
  /// Bluish green.
  case green
  /// Reddish purple.
  case purple
  /// Orange.
  case orange
  /// Sky blue.
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

/// The dashes of a line.
public enum LineDash: String, Sendable, CaseIterable {
  /// Unbroken.
  case solid
  /// Long dashes.
  case dashed
  /// Dots.
  case dotted
  /// Dashes and dots.
  case dashDotted
  /// Very long dashes.
  case longDashed
  /// Dashes and pairs of dots.
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

/// The shape of a point.
public enum MarkerShape: String, Sendable, CaseIterable {
  /// A disc.
  case circle
  /// A square standing on its corner.
  case diamond
  /// A square.
  case square
  /// A triangle.
  case triangle
  /// A triangle standing on its corner.
  case invertedTriangle
  /// A cross.
  case cross
}

/// What a series looks like, wherever it is drawn.
public struct SeriesStyle: Sendable, Hashable {
  /// Its colour.
  public var color: SeriesColor
  /// The dashes of its lines.
  public var dash: LineDash
  /// The shape of its points.
  public var shape: MarkerShape

  /// Makes a style.
  public init(_ color: SeriesColor, dash: LineDash = .solid, shape: MarkerShape = .circle) {
    self.color = color
    self.dash = dash
    self.shape = shape
  }
}

extension SeriesStyle {
  /// Styles for the parts of one series: the first, the whole, in grey, and the others each in a colour of their own.
  public static func styles(forParts count: Int) -> [SeriesStyle] {
    let colors: [SeriesColor] = [.neutral, .purple, .vermillion, .orange, .green, .blue, .sky]
    return (0..<count).map { index in
      let turn = index < colors.count ? 0 : 1 + (index - colors.count) / (colors.count - 1)
      let color = index < colors.count ? colors[index] : colors[1 + (index - colors.count) % (colors.count - 1)]
      return SeriesStyle(color, turn: turn)
    }
  }

  /// A colour's style of a number: dashes and shape go together.
  package init(_ color: SeriesColor, turn: Int) {
    self.init(
      color, dash: LineDash.allCases[turn % LineDash.allCases.count],
      shape: MarkerShape.allCases[turn % MarkerShape.allCases.count])
  }

  /// The number of a style among those of its colour.
  package var turn: Int { LineDash.allCases.firstIndex(of: dash) ?? 0 }
}
