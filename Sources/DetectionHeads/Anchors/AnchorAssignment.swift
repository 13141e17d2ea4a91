import LVISDatasets

/// Assigns objects to the anchors of an image by overlap.
///
/// An anchor whose best object overlaps it by .5 or more is that object's, by less than .4 background, between ignored. The
/// anchors that overlap an object most, all of those where several tie, are positive whatever that overlap is: they keep
/// their own best object (torchvision and detectron2 `Matcher` with `allow_low_quality_matches`), or are given this one, a
/// later object overwriting an earlier one (mmdetection `MaxIoUAssigner`). An object that overlaps no anchor is assigned to
/// none, where the frameworks would assign it to every anchor beside it.
public struct AnchorAssignment: Sendable {
  /// An anchor's mark for background.
  public static let background: Int32 = -1
  /// An anchor's mark for neither background nor an object.
  public static let ignored: Int32 = -2
  /// The overlap from which on an anchor is an object's.
  public var positiveIoU: Float
  /// The overlap below which an anchor is background.
  public var negativeIoU: Float
  /// Whether a best anchor is given the object that it is best for.
  public var givesBestAnchorsTheirObject: Bool

  /// Makes an assignment by a framework's rules.
  public init(_ convention: AnchorConvention, positiveIoU: Float = 0.5, negativeIoU: Float = 0.4) {
    self.positiveIoU = positiveIoU
    self.negativeIoU = negativeIoU
    givesBestAnchorsTheirObject = convention.givesBestAnchorsTheirObject
  }

  /// The object of every anchor.
  ///
  /// - Parameters:
  ///   - anchors: The anchors of an image.
  ///   - objects: The boxes of its objects, in the same pixels.
  ///   - isTrained: Whether each location's anchors are trained on; `nil` where all are. The others are ignored.
  ///   - anchorsPerLocation: The number A of anchors of each location.
  /// - Returns: The index of an object, ``background`` or ``ignored``, for each anchor.
  /// - Precondition: A is above 0, and `isTrained` has an element for every location.
  /// - Complexity: O(anchors × objects).
  public func objects(
    of anchors: [CornerBox], among objects: [CornerBox], isTrained: [Bool]? = nil, anchorsPerLocation: Int = 1
  ) -> [Int32] {
    precondition(
      anchorsPerLocation > 0 && isTrained.map { $0.count * anchorsPerLocation >= anchors.count } ?? true,
      "every location needs a mark")
    var assigned = [Int32](repeating: Self.background, count: anchors.count)
    func isLeftOut(_ anchor: Int) -> Bool { isTrained.map { !$0[anchor / anchorsPerLocation] } ?? false }
    if isTrained != nil { for anchor in anchors.indices where isLeftOut(anchor) { assigned[anchor] = Self.ignored } }
    if objects.isEmpty { return assigned }
    var best = [Float](repeating: -1, count: anchors.count)
    var bestObject = [Int32](repeating: 0, count: anchors.count)
    var overlaps = [Float](repeating: 0, count: anchors.count)
    // The anchors that each object overlaps most.
    var bestAnchors: [[Int32]] = []
    let areas = anchors.map(\.area)
    for (index, object) in objects.enumerated() {
      var highest: Float = 0
      let area = object.area
      for (place, anchor) in anchors.enumerated() {
        let width = min(object.x2, anchor.x2) - max(object.x1, anchor.x1)
        let height = min(object.y2, anchor.y2) - max(object.y1, anchor.y1)
        var overlap: Float = 0
        if width > 0, height > 0 {
          let intersection = width * height
          overlap = intersection / (area + areas[place] - intersection)
        }
        overlaps[place] = overlap
        if overlap > best[place] {
          best[place] = overlap
          bestObject[place] = Int32(index)
        }
        if overlap > highest, !isLeftOut(place) { highest = overlap }
      }
      bestAnchors.append(
        highest > 0
          ? anchors.indices.filter { overlaps[$0] == highest && !isLeftOut($0) }.map { Int32($0) } : [])
    }
    for anchor in anchors.indices where !isLeftOut(anchor) {
      if best[anchor] >= positiveIoU {
        assigned[anchor] = bestObject[anchor]
      } else if best[anchor] >= negativeIoU {
        assigned[anchor] = Self.ignored
      }
    }
    for (index, anchors) in bestAnchors.enumerated() {
      for anchor in anchors {
        assigned[Int(anchor)] = givesBestAnchorsTheirObject ? Int32(index) : bestObject[Int(anchor)]
      }
    }
    return assigned
  }
}
