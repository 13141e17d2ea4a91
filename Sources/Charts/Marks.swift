/// One value of a series.
public struct ChartPoint: Sendable, Equatable {
  /// Across.
  public var x: Double
  /// Up.
  public var y: Double
  /// What shows where a reader points at it.
  public var note: String?

  /// Makes a point.
  public init(_ x: Double, _ y: Double, note: String? = nil) {
    self.x = x
    self.y = y
    self.note = note
  }
}

/// What is drawn in a panel. Points without a place on the axes, such as 0 on a logarithmic one, are left out.
public enum Mark: Sendable {
  /// Separate points.
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

/// Separate points.
public struct PointMark: Sendable {
  /// What the legend calls them; `nil` for what needs no name.
  public var name: String?
  /// The points.
  public var points: [ChartPoint]
  /// Colour and shape.
  public var style: SeriesStyle
  /// The radius in pixels.
  public var radius: Double
  /// 0...1; below 1 where many points lie over each other.
  public var opacity: Double
  /// Whether they are filled; outlined with the page behind them otherwise.
  public var isFilled: Bool

  /// Makes points.
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
  /// What the legend, or a label at its right end, calls it; `nil` for what needs no name.
  public var name: String?
  /// The points.
  public var points: [ChartPoint]
  /// Colour and dashes.
  public var style: SeriesStyle
  /// The width in pixels.
  public var width: Double

  /// Makes a line.
  public init(_ points: [ChartPoint], named name: String? = nil, style: SeriesStyle, width: Double = 2) {
    self.name = name
    self.points = points
    self.style = style
    self.width = width
  }
}

/// The room between a line and the bottom of the panel.
public struct AreaMark: Sendable {
  /// The points of its upper edge.
  public var points: [ChartPoint]
  /// Its colour.
  public var style: SeriesStyle

  /// Makes an area.
  public init(_ points: [ChartPoint], style: SeriesStyle) {
    self.points = points
    self.style = style
  }
}

/// A line across the panel at one value.
public struct RuleMark: Sendable {
  /// Which way it runs.
  public enum Direction: Sendable {
    /// Across, at a value of the y axis.
    case horizontal
    /// Up, at a value of the x axis.
    case vertical
  }

  /// The value it stands at.
  public var value: Double
  /// Which way it runs.
  public var direction: Direction
  /// Colour and dashes.
  public var style: SeriesStyle

  /// Makes a rule.
  public init(_ direction: Direction, at value: Double, style: SeriesStyle) {
    self.value = value
    self.direction = direction
    self.style = style
  }
}

/// Bars that stand on the bottom of the panel.
public struct BarMark: Sendable {
  /// What the legend calls them; `nil` for what needs no name.
  public var name: String?
  /// The middle and height of each bar.
  public var points: [ChartPoint]
  /// The width of a bar, in units of the x axis.
  public var width: Double
  /// Colour.
  public var style: SeriesStyle
  /// What stands above each bar; none, or one a bar.
  public var labels: [String]

  /// Makes bars.
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
  /// One cell.
  public struct Cell: Sendable {
    /// From where to where across.
    public var x: ClosedRange<Double>
    /// From where to where up.
    public var y: ClosedRange<Double>
    /// 0...1: how dark it is.
    public var share: Double
    /// What stands in it.
    public var text: String
    /// What shows where a reader points at it.
    public var note: String?

    /// Makes a cell.
    public init(x: ClosedRange<Double>, y: ClosedRange<Double>, share: Double, text: String, note: String? = nil) {
      self.x = x
      self.y = y
      self.share = share
      self.text = text
      self.note = note
    }
  }

  /// The cells.
  public var cells: [Cell]
  /// Colour.
  public var style: SeriesStyle

  /// Makes cells.
  public init(_ cells: [Cell], style: SeriesStyle) {
    self.cells = cells
    self.style = style
  }
}
