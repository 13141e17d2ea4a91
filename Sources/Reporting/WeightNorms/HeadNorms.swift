/// The lengths of a classifier's weight rows.
public struct HeadNorms: Sendable {
  /// What the head is called in figures and tables.
  public var name: String
  /// The method that trained it, such as `bags`; it decides the colour.
  public var method: String
  /// ‖w_c‖₂ of every class, by ascending category id.
  public var classes: [Double]
  /// ‖w‖₂ of the rows that stand for background or foreground as a whole, with what each is.
  public var background: [NamedNorm]
  /// ‖w‖₂ of each foreground group's `others` row; empty where the head has none.
  public var others: [Double]

  /// A row's length and what the row stands for.
  public struct NamedNorm: Sendable, Equatable {
    /// What the row stands for.
    public var name: String
    /// ‖w‖₂.
    public var norm: Double

    /// Makes one.
    public init(_ name: String, _ norm: Double) {
      self.name = name
      self.norm = norm
    }
  }

  /// Makes a head's norms from parts.
  public init(
    name: String, method: String, classes: [Double], background: [NamedNorm] = [], others: [Double] = []
  ) {
    self.name = name
    self.method = method
    self.classes = classes
    self.background = background
    self.others = others
  }
}
