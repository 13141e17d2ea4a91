/// A figure: panels above each other that share the x axis, with a title, a legend and a caption.
///
/// ```swift
/// var chart = Chart("Training loss", x: .linear("epoch", covering: [0, 12]))
/// chart.panels = [ChartPanel(y: .linear("loss", covering: losses), marks: [.line(LineMark(points, named: "bags", style: style))])]
/// let svg = chart.rendered(width: 720).svg
/// ```
public struct Chart: Sendable {
  /// What it shows.
  public var title: String
  /// A line below the title.
  public var subtitle: String
  /// How to read it and where it comes from, below the panels.
  public var caption: String
  /// The axis that all panels share.
  public var x: Axis
  /// Shaded ranges of x, across all panels.
  public var bands: [ChartBand]
  /// From top to bottom.
  public var panels: [ChartPanel]
  /// Entries of the legend beside those of named marks: what a shape or a line stands for.
  public var keys: [LegendKey]

  /// Makes a figure.
  public init(
    _ title: String, subtitle: String = "", caption: String = "", x: Axis, bands: [ChartBand] = [],
    panels: [ChartPanel] = [], keys: [LegendKey] = []
  ) {
    self.title = title
    self.subtitle = subtitle
    self.caption = caption
    self.x = x
    self.bands = bands
    self.panels = panels
    self.keys = keys
  }
}

/// One plot of a figure.
public struct ChartPanel: Sendable {
  /// What runs up its side.
  public var y: Axis
  /// The height of the plot in pixels.
  public var height: Double
  /// What is drawn, the first undermost.
  public var marks: [Mark]
  /// Whether named lines are named at their right end, where there is room, and not in the legend.
  public var labelsLines: Bool

  /// Makes a panel.
  public init(y: Axis, height: Double = 240, marks: [Mark] = [], labelsLines: Bool = false) {
    self.y = y
    self.height = height
    self.marks = marks
    self.labelsLines = labelsLines
  }
}

/// A shaded range of x with a label above.
public struct ChartBand: Sendable {
  /// From where to where.
  public var range: ClosedRange<Double>
  /// What it is, the fullest wording first: the first that fits is shown.
  public var labels: [String]
  /// Whether it is the darker of two shades; neighbours alternate.
  public var isDark: Bool

  /// Makes a band.
  public init(_ range: ClosedRange<Double>, labels: [String], isDark: Bool) {
    self.range = range
    self.labels = labels
    self.isDark = isDark
  }
}

/// What a shape or a line stands for.
public struct LegendKey: Sendable {
  /// What is drawn before the name.
  public enum Swatch: Sendable, Equatable {
    /// A point.
    case point(MarkerShape, isFilled: Bool)
    /// A line.
    case line
    /// A point on a line.
    case pointAndLine
    /// A bar.
    case bar
  }

  /// What it stands for.
  public var name: String
  /// What is drawn before the name.
  public var swatch: Swatch
  /// Its colour, dashes and shape.
  public var style: SeriesStyle

  /// Makes a key.
  public init(_ name: String, _ swatch: Swatch, style: SeriesStyle = SeriesStyle(.neutral)) {
    self.name = name
    self.swatch = swatch
    self.style = style
  }
}
