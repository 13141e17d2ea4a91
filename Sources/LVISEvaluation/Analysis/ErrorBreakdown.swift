import LVISDatasets

/// The kinds of error among detections and what each costs, after TIDE (Bolya et al., ECCV 2020, arXiv 2008.08115), by
/// frequency and group.
///
/// Every unmatched detection is an error of one kind, and so is every object that no detection finds nor would if its
/// error were mended. What a kind costs is the AP at IoU .5 that is gained when it alone is mended. The kinds, the
/// order in which they are asked for, which detection is mended where several could be, and the gain are those of
/// TIDE's own code (dbolya/tide 1.0.1), down to its keeping, for the gain of missed objects, a class out of the mean
/// that has neither objects nor detections left.
///
/// Where TIDE has no rule or one of its own, those of LVIS hold here, so that the AP is the `AP50` of an evaluation:
/// - Detections match as in lvis-api's `LVISEval.evaluate_img`, and equal scores are ordered as in its `accumulate`.
/// - The caps of detections apply, and detections of unknown classes or without an area take no part.
/// - Detections that federated labels ignore are judged all the same, as TIDE judges those in its ignore regions: they
///   are not in the AP, but a mislabelled one is gained when its class is mended. They are counted apart.
/// - Only classes that have objects are in the means. TIDE counts a class with detections and no object as AP 0.
/// - A row's gain is that of its classes' mean AP when all errors of a kind are mended, whatever the class.
public struct ErrorBreakdown: Sendable {
  /// The kinds of error, in the order in which they are asked for.
  public enum Kind: String, Sendable, Codable, CodingKeyRepresentable, CaseIterable {
    /// On an object (IoU ≥ .5), but of another class.
    case classification
    /// On an object of its class, but not well enough (.1 ≤ IoU ≤ .5).
    case localization
    /// Near an object of another class (.1 < IoU < .5).
    case both
    /// On an object of its class that a better detection has found.
    case duplicate
    /// Near no object at all (IoU ≤ .1).
    case background
    /// An object that no detection finds, nor would if the first two kinds were mended.
    case missed

    var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }

  /// The errors of one kind.
  public struct Entry: Sendable, Codable, Equatable {
    /// Errors among the detections that count; of `missed`, objects. By the class of the object that the error is
    /// about, where there is one (`classification`, `localization`, `missed`), else by that of the detection.
    public let count: Int
    /// The errors of this kind among detections that the evaluation ignores, most of all those of classes that their
    /// image was not searched for.
    public let ignoredCount: Int
    /// The AP at IoU .5 to be gained by mending all errors of this kind; `nil` without objects.
    public let gain: Double?

    private enum CodingKeys: String, CodingKey {
      case count, gain
      case ignoredCount = "ignored"
    }
  }

  /// The errors of some classes.
  public struct Row: Sendable, Codable, Equatable {
    /// The classes that the row is about.
    public let split: ClassSplit
    /// AP at IoU .5; `nil` without objects.
    public let averagePrecision: Double?
    /// The number of objects that count.
    public let objectCount: Int
    /// The number of objects that are found at IoU .5.
    public let foundCount: Int
    private let entries: [Kind: Entry]

    init(
      split: ClassSplit, averagePrecision: Double?, objectCount: Int, foundCount: Int, entries: [Kind: Entry]
    ) {
      self.split = split
      self.averagePrecision = averagePrecision
      self.objectCount = objectCount
      self.foundCount = foundCount
      self.entries = entries
    }

    /// The errors of a kind.
    public subscript(_ kind: Kind) -> Entry { entries[kind] ?? Entry(count: 0, ignoredCount: 0, gain: nil) }

    private enum CodingKeys: String, CodingKey {
      case split = "classes"
      case averagePrecision = "AP50"
      case objectCount = "objects"
      case foundCount = "found"
      case entries = "errors"
    }
  }

  /// The rows: all classes, then those of each frequency and group.
  public let rows: [Row]
}

extension ErrorBreakdown.Entry {
  /// Reads the errors of a kind.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    count = try container.decode(Int.self, forKey: .count)
    ignoredCount = try container.decode(Int.self, forKey: .ignoredCount)
    gain = try container.decodeMetric(forKey: .gain)
  }
}

extension ErrorBreakdown.Row {
  /// Reads the errors of some classes.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    split = try container.decode(ClassSplit.self, forKey: .split)
    averagePrecision = try container.decodeMetric(forKey: .averagePrecision)
    objectCount = try container.decode(Int.self, forKey: .objectCount)
    foundCount = try container.decode(Int.self, forKey: .foundCount)
    entries = try container.decode([ErrorBreakdown.Kind: ErrorBreakdown.Entry].self, forKey: .entries)
  }
}

/// In JSON, the list of the rows.
extension ErrorBreakdown: Codable {
  /// Reads the rows.
  public init(from decoder: any Decoder) throws { rows = try [Row](from: decoder) }

  /// Writes the rows.
  public func encode(to encoder: any Encoder) throws { try rows.encode(to: encoder) }
}
