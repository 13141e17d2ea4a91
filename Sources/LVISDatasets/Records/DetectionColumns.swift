/// Many detections, column by column: what a results file holds, or what a detector hands over in memory.
///
/// The columns are parallel; a detection's place in them is its place in the file.
public struct DetectionColumns: Sendable {
  /// The fields that the file has of a detection.
  public struct Presence: OptionSet, Sendable {
    /// The bits of the set.
    public let rawValue: UInt8
    /// Makes a set from its bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The field `bbox` is there.
    public static let box = Presence(rawValue: 1)
    /// The field `segmentation` is there, whether it was read or not.
    public static let segmentation = Presence(rawValue: 2)
  }

  /// The id of each detection's image.
  public var imageIDs: [Int] = []
  /// The id of the category that each detection is said to be.
  public var categoryIDs: [Int] = []
  /// The boxes in pixels; 0 × 0 at 0, 0 where the file has none.
  public var boxes: [BoundingBox] = []
  /// The detector's confidence in each detection.
  public var scores: [Double] = []
  /// The fields that the file has of each detection.
  public var presences: [Presence] = []
  /// The masks; `nil` unless they were asked for.
  public var segmentations: SegmentationColumns?

  /// Makes columns without detections.
  public init() {}

  /// Makes columns of detections in memory, each with its box.
  public init(_ detections: some Sequence<Detection>) {
    for detection in detections { append(detection) }
  }

  /// The number of detections.
  public var count: Int { scores.count }

  /// The detection at a place, from 0, without its mask.
  ///
  /// - Precondition: There is a detection at this place.
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
