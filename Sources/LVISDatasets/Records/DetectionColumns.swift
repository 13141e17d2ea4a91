/// Many detections, column by column: what a results file holds, or what a detector hands over in memory.
///
/// The columns are parallel; a detection's place in them is its place in the file.
public struct DetectionColumns: Sendable {
  /// Which of a detection's fields the file has.
  public struct Presence: OptionSet, Sendable {
    /// The raw value.
    public let rawValue: UInt8
    /// Makes a set from its raw value.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `bbox`.
    public static let box = Presence(rawValue: 1)
    /// `segmentation`, whether it was read or not.
    public static let segmentation = Presence(rawValue: 2)
  }

  /// The images that the detections lie in.
  public var imageIDs: [Int] = []
  /// What they are said to be.
  public var categoryIDs: [Int] = []
  /// Their boxes, in pixels; 0 × 0 at 0, 0 where the file has none.
  public var boxes: [BoundingBox] = []
  /// How sure the detector is.
  public var scores: [Double] = []
  /// Which fields the file has.
  public var presences: [Presence] = []
  /// Their masks; `nil` unless they were asked for.
  public var segmentations: SegmentationColumns?

  /// Makes empty columns.
  public init() {}

  /// Makes columns of detections in memory.
  public init(_ detections: some Sequence<Detection>) {
    for detection in detections { append(detection) }
  }

  /// The number of detections.
  public var count: Int { scores.count }

  /// One detection.
  public subscript(index: Int) -> Detection {
    Detection(imageID: imageIDs[index], categoryID: categoryIDs[index], box: boxes[index], score: scores[index])
  }

  /// Appends a detection that has a box.
  public mutating func append(_ detection: Detection) {
    imageIDs.append(detection.imageID)
    categoryIDs.append(detection.categoryID)
    boxes.append(detection.box)
    scores.append(detection.score)
    presences.append(.box)
    segmentations?.append(nil)
  }

  /// Removes all detections and keeps the memory.
  public mutating func removeAll() {
    imageIDs.removeAll(keepingCapacity: true)
    categoryIDs.removeAll(keepingCapacity: true)
    boxes.removeAll(keepingCapacity: true)
    scores.removeAll(keepingCapacity: true)
    presences.removeAll(keepingCapacity: true)
    segmentations?.removeAll()
  }

  mutating func reserveCapacity(_ count: Int) {
    imageIDs.reserveCapacity(count)
    categoryIDs.reserveCapacity(count)
    boxes.reserveCapacity(count)
    scores.reserveCapacity(count)
    presences.reserveCapacity(count)
  }
}
