/// The race that chose a method: who took part, how far each came, and how the winner compares with the head that is there.
public struct RaceRecord: Sendable, Codable, Equatable {
  /// A row that took part.
  public struct Entry: Sendable, Codable, Equatable {
    /// The row as `bags compare` writes it, its learning rate included.
    public var name: String
    /// The number of the rung that it came to: 1 for short trials, 2 for whole ones, 3 for all splits.
    public var rung: Int
    /// The number of epochs of its last trial.
    public var epochs: Int
    /// The metrics of its last trials by name, 0...1, means over the splits; `nil` where training diverged.
    public var metrics: [String: Double]?
    /// By how much it leads the head that is there, by the criterion: the difference, then the ends of its paired 95 %
    /// interval over images drawn; `nil` for those that left before the last rung.
    public var lead: [Double]?

    /// Makes an entry.
    public init(name: String, rung: Int, epochs: Int, metrics: [String: Double]?, lead: [Double]? = nil) {
      self.name = name
      self.rung = rung
      self.epochs = epochs
      self.metrics = metrics
      self.lead = lead
    }
  }

  /// The criterion that selects, such as `AP`; see `TuningCriterion`.
  public var criterion: String
  /// The row that others are compared with: the detector's own head, or the plain loss where there is none.
  public var reference: String
  /// The learning rate of the heads that stand for the detector's own, since that saw the images held out; `nil`
  /// where it stands for itself.
  public var standInLearningRate: Double?
  /// Whether images decided that the detector never saw.
  public var usesUnseenImages: Bool
  /// The number of images that decided, over all splits.
  public var heldOutImageCount: Int
  /// The number of objects in them, by foreground group.
  public var heldOutObjectCounts: [Int]
  /// The rows, the best first; those of later rungs before those of earlier ones.
  public var entries: [Entry]
  /// The name of the row that won.
  public var winner: String

  /// Makes a record.
  public init(
    criterion: String, reference: String, standInLearningRate: Double? = nil, usesUnseenImages: Bool,
    heldOutImageCount: Int, heldOutObjectCounts: [Int], entries: [Entry], winner: String
  ) {
    self.criterion = criterion
    self.reference = reference
    self.standInLearningRate = standInLearningRate
    self.usesUnseenImages = usesUnseenImages
    self.heldOutImageCount = heldOutImageCount
    self.heldOutObjectCounts = heldOutObjectCounts
    self.entries = entries
    self.winner = winner
  }

  /// The entry of the row that won.
  public var winning: Entry? { entries.first { $0.name == winner } }

  /// Whether the winner leads the head that is there beyond noise.
  public var isClear: Bool { winning?.lead.map { $0.count == 3 && $0[1] > 0 } ?? false }
}
