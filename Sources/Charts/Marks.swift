/// One value of a series, in the units of the axes.
public struct ChartPoint: Sendable, Equatable {
  /// The value on the horizontal axis.
  public var x: Double
  /// The value on the vertical axis.
  public var y: Double
  /// The text that shows where a reader points at it; `nil` for none.
  public var note: String?

  /// Makes a point from its values on the two axes and the text that shows where a reader points at it.
  public init(_ x: Double, _ y: Double, note: String? = nil) {
    self.x = x
    self.y = y
    self.note = note
  }
}

/// Points, lines, areas, bars and cells that are drawn in a panel. Points without a place on the axes, such as 0 on a
/// logarithmic one, are left out.
public enum Mark: Sendable {
  /// Points that are not joined.
  case points(PointMark)
  /// Points joined in their order.
  case line(LineMark)
  /// The room between a line and the bottom of the panel.
  case area(AreaMark)
  /// A line across the panel at one value.
  case rule(RuleMark)
  /// Bars that stand on the bottom of the panel.
  case bars(BarMark)
  /// Cells of a table, each as dark as its value.
  case cells(CellMark)
}

/// Points that are not joined, of one style.
public struct PointMark: Sendable {
  /// The name in the legend; `nil` for points that need none.
  public var name: String?
  /// The points, in the units of the axes.
  public var points: [ChartPoint]
  /// The colour and shape of the points.
  public var style: SeriesStyle
  /// The radius of a point in pixels; 3 by default.
  public var radius: Double
  /// The opacity, 0...1; below 1 where many points lie over each other.
  public var opacity: Double
  /// Whether the points are filled; otherwise they are outlined, with the page behind them.
  public var isFilled: Bool

  /// Makes a mark of points that are not joined.
  public init(
    _ points: [ChartPoint], named name: String? = nil, style: SeriesStyle, radius: Double = 3, opacity: Double = 1,
    isFilled: Bool = true
  ) {
    self.name = name
    self.points = points
    self.style = style
    self.radius = radius
    self.opacity = opacity
    self.isFilled = isFilled
  }
}

/// Points joined in their order; a point without a place breaks the line.
public struct LineMark: Sendable {
  /// The name in the legend or at the line's right end; `nil` for a line that needs none.
  public var name: String?
  /// The points in the order in which they are joined, in the units of the axes.
  public var points: [ChartPoint]
  /// The colour and dashes of the line.
  public var style: SeriesStyle
  /// The width of the line in pixels; 2 by default.
  public var width: Double

  /// Makes a line through points.
  public init(_ points: [ChartPoint], named name: String? = nil, style: SeriesStyle, width: Double = 2) {
    self.name = name
    self.points = points
    self.style = style
    self.width = width
  }
}

/// The room between a line and the bottom of the panel.
public struct AreaMark: Sendable {
  /// The points of the upper edge, in the units of the axes.
  public var points: [ChartPoint]
  /// The colour of the area.
  public var style: SeriesStyle

  /// Makes the area below a line through points.
  public init(_ points: [ChartPoint], style: SeriesStyle) {
    self.points = points
    self.style = style
  }
}

/// A line across the panel at one value.
public struct RuleMark: Sendable {
  /// The direction of a rule.
  public enum Direction: Sendable {
    /// Across the panel, at a value of the vertical axis.
    case horizontal
    /// From the bottom of the panel to its top, at a value of the horizontal axis.
    case vertical
  }

  /// The value at which the rule stands, on the axis that its direction names.
  public var value: Double
  /// The direction in which the rule runs.
  public var direction: Direction
  /// The colour and dashes of the rule.
  public var style: SeriesStyle

  /// Makes a rule at a value of one of the axes.
  public init(_ direction: Direction, at value: Double, style: SeriesStyle) {
    self.value = value
    self.direction = direction
    self.style = style
  }
}

/// Bars that stand on the bottom of the panel.
public struct BarMark: Sendable {
  /// The name in the legend; `nil` for bars that need none.
  public var name: String?
  /// The middle of each bar on the horizontal axis, and its height on the vertical one.
  public var points: [ChartPoint]
  /// The width of a bar, in units of the horizontal axis.
  public var width: Double
  /// The colour of the bars.
  public var style: SeriesStyle
  /// The texts above the bars, one a bar; empty for none.
  public var labels: [String]

  /// Makes bars that stand on the bottom of the panel.
  public init(
    _ points: [ChartPoint], named name: String? = nil, width: Double, style: SeriesStyle, labels: [String] = []
  ) {
    self.name = name
    self.points = points
    self.width = width
    self.style = style
    self.labels = labels
  }
}

/// Cells of a table, each as dark as its value.
public struct CellMark: Sendable {
  /// One cell of the table: a rectangle of the plot, its shade and its text.
  public struct Cell: Sendable {
    /// The range of the horizontal axis that the cell covers.
    public var x: ClosedRange<Double>
    /// The range of the vertical axis that the cell covers.
    public var y: ClosedRange<Double>
    /// The shade, from 0, the page, to 1, the full colour.
    public var share: Double
    /// The text in the middle of the cell.
    public var text: String
    /// The text that shows where a reader points at the cell; `nil` for none.
    public var note: String?

    /// Makes a cell from the ranges that it covers, its shade, its text, and the text that shows where a reader points
    /// at it.
    public init(x: ClosedRange<Double>, y: ClosedRange<Double>, share: Double, text: String, note: String? = nil) {
      self.x = x
      self.y = y
      self.share = share
      self.text = text
      self.note = note
    }
  }

  /// The cells of the table, in any order.
  public var cells: [Cell]
  /// The colour whose shades the cells have.
  public var style: SeriesStyle

  /// Makes a table from its cells.
  public init(_ cells: [Cell], style: SeriesStyle) {
    self.cells = cells
    self.style = style
  }
}
