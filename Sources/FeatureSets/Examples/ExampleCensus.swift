import LVISDatasets

/// The labelled examples of every group of classes: RoIs and queries, or the anchors of feature maps.
///
/// Labels alone are looked at, no features: a set larger than memory takes no longer.
public struct ExampleCensus: Sendable, Encodable, Equatable {
  /// The examples of a foreground group.
  public struct Group: Sendable, Encodable, Equatable {
    /// The name of the group, `G1` for the rarest classes.
    public let name: String
    /// The number of its examples.
    public let examples: Int
    /// The number of its classes that have instances, but no example to train on.
    public let classesWithoutExamples: Int
  }

  /// What the examples are called, `RoIs` or `anchors`.
  public let kind: String
  /// The number of images.
  public let images: Int
  /// The number of examples, ignored ones included.
  public let examples: Int
  /// The number of those that are background.
  public let background: Int
  /// The number of anchors that are neither trained on nor counted; 0 for RoIs.
  public let ignored: Int
  /// The number of images without an example of a class.
  public let imagesWithoutForeground: Int
  /// The foreground groups, the rarest classes first.
  public let groups: [Group]

  /// Counts labels.
  ///
  /// - Parameters:
  ///   - source: The examples.
  ///   - groups: The classes and their groups.
  /// - Complexity: O(N) for N RoIs; for anchors O(those that are not background).
  public init(of source: any RoISource, groups: CategoryGroups) {
    let anchors = source as? any AnchorSource
    var ofClass = [Int](repeating: 0, count: groups.classCount)
    var (total, ignored, empty) = (0, 0, 0)
    for image in 0..<source.imageCount {
      let rows = source.rows(ofImage: image)
      total += rows.count
      let labels =
        anchors.map { $0.labelledAnchors(ofImage: image).map(\.label) } ?? rows.map { source.classIndex(ofRow: $0) }
      var foreground = 0
      for label in labels {
        if label == AnchorLabel.ignored { ignored += 1 }
        guard label >= 0, Int(label) < ofClass.count else { continue }
        ofClass[Int(label)] += 1
        foreground += 1
      }
      if foreground == 0 { empty += 1 }
    }
    kind = anchors == nil ? "RoIs" : "anchors"
    images = source.imageCount
    examples = total
    background = total - ignored - ofClass.reduce(0, +)
    self.ignored = ignored
    imagesWithoutForeground = empty
    self.groups = groups.classesByGroup.enumerated().map { group, classes in
      Group(
        name: "G\(group + 1)", examples: classes.reduce(0) { $0 + ofClass[$1] },
        classesWithoutExamples: classes.count { ofClass[$0] == 0 && groups.members[$0].instanceCount > 0 })
    }
  }
}
