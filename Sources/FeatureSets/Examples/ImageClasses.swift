/// The classes that the RoIs of each image show, by which samplers choose images.
///
/// They follow the RoIs' labels, not the annotations: an object that no RoI was matched with cannot be trained on.
/// Where ground truth was added to the RoIs, as the usual recipes do, the two agree.
public struct ImageClasses: Sendable {
  /// A class in an image.
  public struct Entry: Sendable, Equatable {
    /// The index of the class by ascending category id.
    public let classIndex: Int
    /// The RoIs of the image with that label.
    public let roiCount: Int
  }

  /// The number C of classes.
  public let classCount: Int
  /// For every image its first entry, and one more.
  private let starts: [Int]
  private let entries: [Entry]

  /// Goes through the labels of a source.
  ///
  /// - Parameters:
  ///   - source: The RoIs.
  ///   - classCount: The number C of classes.
  /// - Complexity: O(N log N) for the RoIs of an image, O(N) for the set.
  public init(of source: any RoISource, classCount: Int) {
    if let source = source as? any AnchorSource {
      self.init(
        labels: (0..<source.imageCount).lazy.map { source.labelledAnchors(ofImage: $0).map(\.label) },
        classCount: classCount)
      return
    }
    self.init(
      labels: (0..<source.imageCount).lazy.map { image in
        source.rows(ofImage: image).map { source.classIndex(ofRow: $0) }
      }, classCount: classCount)
  }

  /// Goes through labels.
  ///
  /// - Parameters:
  ///   - labels: For every image the class index of every RoI, or −1 for background.
  ///   - classCount: The number C of classes.
  public init(labels: some Sequence<[Int32]>, classCount: Int) {
    var starts = [0]
    var entries: [Entry] = []
    for image in labels {
      var count = 0
      let foreground = image.filter { $0 >= 0 }.sorted()
      for (position, label) in foreground.enumerated() {
        count += 1
        if position + 1 == foreground.count || foreground[position + 1] != label {
          entries.append(Entry(classIndex: Int(label), roiCount: count))
          count = 0
        }
      }
      starts.append(entries.count)
    }
    self.classCount = classCount
    self.starts = starts
    self.entries = entries
  }

  /// The number M of images.
  public var imageCount: Int { starts.count - 1 }

  /// The classes of an image, ascending.
  public func classes(ofImage image: Int) -> ArraySlice<Entry> { entries[starts[image]..<starts[image + 1]] }

  /// For every class, the number m_c of images with a RoI of it [C].
  public var imageCounts: [Int] {
    var counts = [Int](repeating: 0, count: classCount)
    for entry in entries { counts[entry.classIndex] += 1 }
    return counts
  }
}
