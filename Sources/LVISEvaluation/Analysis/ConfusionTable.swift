import LVISDatasets

/// A table of what objects are called: for each object the class of the best-scored detection on it, summed up by
/// frequency or group. The long tail's question is whether rare objects are missed or called something frequent.
///
/// A detection is on an object from IoU .5, and may be on several. Every class takes part that the ground truth knows,
/// whatever the image was searched for.
public struct ConfusionTable: Sendable, Codable {
  /// The objects of some classes, and what they are called.
  public struct Row: Sendable, Codable, Equatable {
    /// The classes of the objects.
    public let split: ClassSplit
    /// The number of objects that count.
    public fileprivate(set) var objectCount = 0
    /// The number of objects that are called what they are.
    public fileprivate(set) var correctCount = 0
    /// The number of objects that are called another class, by the group or frequency of that class.
    public fileprivate(set) var wrongCounts: [ClassSplit: Int] = [:]
    /// The number of objects that no detection is on.
    public fileprivate(set) var missedCount = 0

    /// Makes the row of some classes from its counts.
    public init(
      _ split: ClassSplit, objectCount: Int = 0, correctCount: Int = 0, wrongCounts: [ClassSplit: Int] = [:],
      missedCount: Int = 0
    ) {
      self.split = split
      self.objectCount = objectCount
      self.correctCount = correctCount
      self.wrongCounts = wrongCounts
      self.missedCount = missedCount
    }

    private enum CodingKeys: String, CodingKey {
      case split = "classes"
      case objectCount = "objects"
      case correctCount = "correct"
      case wrongCounts = "calledAnotherOf"
      case missedCount = "missed"
    }
  }

  /// Two classes, and how often objects of the one are called the other.
  public struct Pair: Sendable, Codable, Equatable {
    /// The category id of the objects' class.
    public let objectCategoryID: Int
    /// The name of the objects' class.
    public let objectName: String
    /// The category id of the class that they are called.
    public let calledCategoryID: Int
    /// The name of the class that they are called.
    public let calledName: String
    /// The number of such objects.
    public let count: Int

    private enum CodingKeys: String, CodingKey {
      case objectName, count
      case objectCategoryID = "object"
      case calledCategoryID = "calledAs"
      case calledName = "calledAsName"
    }
  }

  /// One for each group of the options, or else for rare, common and frequent; classes in none of them come last, where
  /// there are any.
  public let rows: [Row]
  /// Classes that are taken for one another, most often first.
  public var pairs: [Pair]

  /// - Parameter calledAs: For every object the place of the class that it is called: −1 for none, −2 for an object that
  ///   does not count.
  init(calledAs: [Int32], truth: GroundTruthIndex, options: EvaluationOptions) {
    let splits = ClassSplits(dividing: truth.categories, options)
    let empty = Dictionary(uniqueKeysWithValues: splits.splits.map { ($0, 0) })
    var rows = splits.splits.map { Row($0, wrongCounts: empty) }
    var pairs: [UInt64: Int] = [:]
    for (own, called) in zip(truth.categoryOfObject, calledAs) where called > -2 {
      let row = splits.rows(of: own)[0]
      rows[row].objectCount += 1
      if called < 0 {
        rows[row].missedCount += 1
      } else if called == own {
        rows[row].correctCount += 1
      } else {
        rows[row].wrongCounts[splits.splits[splits.rows(of: called)[0]], default: 0] += 1
        pairs[UInt64(own) << 32 | UInt64(called), default: 0] += 1
      }
    }
    self.rows = rows
    self.pairs = pairs.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
      let (object, called) = (truth.categories[Int($0.key >> 32)], truth.categories[Int($0.key & 0xFFFF_FFFF)])
      return Pair(
        objectCategoryID: object.id, objectName: object.name, calledCategoryID: called.id, calledName: called.name,
        count: $0.value)
    }
  }
}
