/// A figure: panels above each other that share the x axis, with a title, a legend and a caption.
///
/// ```swift
/// var chart = Chart("Training loss", x: .linear("epoch", covering: [0, 12]))
/// chart.panels = [ChartPanel(y: .linear("loss", covering: losses), marks: [.line(LineMark(points, named: "bags", style: style))])]
/// let svg = chart.rendered(width: 720).svg
/// ```
public struct Chart: Sendable {
  /// The title above the figure.
  public var title: String
  /// A line below the title; empty for none.
  public var subtitle: String
  /// The text below the panels: how to read the figure, and where its data come from; empty for none.
  public var caption: String
  /// The horizontal axis, which all panels share.
  public var x: Axis
  /// Shaded ranges of the horizontal axis, across all panels.
  public var bands: [ChartBand]
  /// The panels from top to bottom.
  public var panels: [ChartPanel]
  /// Entries of the legend beside those of named marks: what a shape or a line stands for.
  public var keys: [LegendKey]

  /// Makes a figure; its height follows from the panels.
  ///
  /// - Parameters:
  ///   - title: The title above the figure.
  ///   - subtitle: A line below the title; empty for none.
  ///   - caption: The text below the panels; empty for none.
  ///   - x: The horizontal axis, which all panels share.
  ///   - bands: Shaded ranges of the horizontal axis.
  ///   - panels: The panels from top to bottom.
  ///   - keys: Entries of the legend beside those of named marks.
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

/// One plot of a figure: a vertical axis and the marks that are drawn against it.
public struct ChartPanel: Sendable {
  /// The vertical axis.
  public var y: Axis
  /// The height of the plot in pixels; 240 by default.
  public var height: Double
  /// The marks that are drawn, the first undermost.
  public var marks: [Mark]
  /// Whether named lines are named at their right end, where there is room, and not in the legend.
  public var labelsLines: Bool

  /// Makes a panel with a vertical axis and the marks that are drawn against it.
  public init(y: Axis, height: Double = 240, marks: [Mark] = [], labelsLines: Bool = false) {
    self.y = y
    self.height = height
    self.marks = marks
    self.labelsLines = labelsLines
  }
}

/// A shaded range of the horizontal axis with a label above.
public struct ChartBand: Sendable {
  /// The range of the horizontal axis that is shaded.
  public var range: ClosedRange<Double>
  /// The label in several wordings, the fullest first; the first that fits is shown.
  public var labels: [String]
  /// Whether the band has the darker of the two shades; neighbours alternate.
  public var isDark: Bool

  /// Makes a band from its range and its label in several wordings, the fullest first.
  public init(_ range: ClosedRange<Double>, labels: [String], isDark: Bool) {
    self.range = range
    self.labels = labels
    self.isDark = isDark
  }
}

/// An entry of the legend: a shape or a line, and what it stands for.
public struct LegendKey: Sendable {
  /// The sign before the name of a legend entry.
  public enum Swatch: Sendable, Equatable {
    /// A point of the given shape, filled or outlined.
    case point(MarkerShape, isFilled: Bool)
    /// A piece of line with the style's dashes.
    case line
    /// A point on a piece of line.
    case pointAndLine
    /// A filled rectangle, as a bar has it.
    case bar
  }

  /// The text of the entry.
  public var name: String
  /// The sign before the text.
  public var swatch: Swatch
  /// The colour, dashes and shape of the sign; grey by default.
  public var style: SeriesStyle

  /// Makes an entry of the legend.
  public init(_ name: String, _ swatch: Swatch, style: SeriesStyle = SeriesStyle(.neutral)) {
    self.name = name
    self.swatch = swatch
    self.style = style
  }
}
