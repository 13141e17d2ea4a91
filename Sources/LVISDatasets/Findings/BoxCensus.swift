extension DataFinding.Code {
  /// Boxes of negative width or height.
  public static let negativeBoxes = Self(rawValue: "negative-boxes")
  /// Boxes whose width or height is 0.
  public static let emptyBoxes = Self(rawValue: "empty-boxes")
  /// Boxes that reach beyond their image.
  public static let boxesBeyondImage = Self(rawValue: "boxes-beyond-image")
  /// Boxes that look like two corners.
  public static let boxesAsCorners = Self(rawValue: "boxes-as-corners")
  /// Boxes whose numbers are all within 0...1, as fractions of the image rather than pixels.
  public static let boxesAsFractions = Self(rawValue: "boxes-as-fractions")
}

/// Counts boxes that cannot be what they should: x, y, width and height in pixels of their image.
package struct BoxCensus: Sendable {
  /// A kind of odd box: how many, and the first.
  private struct Tally: Sendable {
    var count = 0
    var first: (element: Int, box: BoundingBox, width: Double, height: Double)?

    mutating func add(_ element: Int, _ box: BoundingBox, _ width: Double, _ height: Double) {
      count += 1
      if first == nil { first = (element, box, width, height) }
    }

    mutating func merge(_ other: Tally) {
      count += other.count
      if first == nil { first = other.first }
    }
  }

  /// How many boxes were looked at.
  package private(set) var count = 0
  private var cornerLike = 0
  private var negative = Tally()
  private var empty = Tally()
  private var beyond = Tally()
  private var fractions = Tally()

  package init() {}

  /// Looks at a box.
  ///
  /// - Parameters:
  ///   - width: The image's, in pixels; 0 where it is not known.
  ///   - height: The image's.
  ///   - element: The box's place in its list, for the example.
  @inline(__always)
  package mutating func add(_ box: BoundingBox, imageWidth width: Double, imageHeight height: Double, element: Int) {
    count += 1
    let right = box.x + box.width
    let bottom = box.y + box.height
    // As corners, a box ends right of and below where it begins, which few sets of boxes do throughout.
    if box.width > box.x, box.height > box.y { cornerLike += 1 }
    // Nearly all boxes are as they should be; a pixel beyond the image is rounding.
    if box.width > 0, box.height > 0, box.x >= -1, box.y >= -1, right <= width + 1, bottom <= height + 1,
      right > 1 || bottom > 1
    {
      return
    }
    addOdd(box, width, height, element)
  }

  @inline(never)
  private mutating func addOdd(_ box: BoundingBox, _ width: Double, _ height: Double, _ element: Int) {
    if box.width < 0 || box.height < 0 { return negative.add(element, box, width, height) }
    if box.width == 0 || box.height == 0 { return empty.add(element, box, width, height) }
    // The size of an image may not be stated.
    let (right, bottom) = (box.x + box.width, box.y + box.height)
    if width > 0, height > 0, box.x < -1 || box.y < -1 || right > width + 1 || bottom > height + 1 {
      return beyond.add(element, box, width, height)
    }
    if box.x >= 0, box.y >= 0, right <= 1, bottom <= 1, width == 0 || max(width, height) > 2 {
      fractions.add(element, box, width, height)
    }
  }

  /// Takes boxes without a place in the file out of those that are empty.
  mutating func forgive(_ count: Int) { empty.count = max(0, empty.count - count) }

  /// Adds what another census counted later in the same list.
  package mutating func merge(_ other: BoxCensus) {
    count += other.count
    cornerLike += other.cornerLike
    negative.merge(other.negative)
    empty.merge(other.empty)
    beyond.merge(other.beyond)
    fractions.merge(other.fractions)
  }

  /// What is odd.
  ///
  /// - Parameters:
  ///   - noun: What has the boxes: `annotation` or `detection`.
  ///   - list: Its list, as places in the file name it.
  package func findings(noun: String, list: String) -> [DataFinding] {
    func finding(
      _ code: DataFinding.Code, _ tally: Tally, _ what: String, _ severity: DataFinding.Severity? = nil,
      _ remedy: String
    ) -> DataFinding? {
      guard let (element, box, width, height) = tally.first, tally.count > 0 else { return nil }
      let image = width > 0 ? " in an image of \(Int(width)) × \(Int(height))" : ""
      return DataFinding(
        code, severity ?? .init(share: tally.count, of: count), count: tally.count,
        "\(share(tally.count, of: count, noun)) \(tally.count == 1 ? "has" : "have") a box \(what)",
        example: "\(list)[\(element)]: \(box.text)\(image)", remedy: remedy)
    }
    let areCorners = beyond.count > 0 && 20 * cornerLike >= 19 * count
    return [
      finding(
        .negativeBoxes, negative, "of negative width or height", .warning,
        "is it [x1, y1, x2, y2]? It must be [x, y, width, height]"),
      finding(.emptyBoxes, empty, "of width or height 0", nil, "nothing overlaps with it"),
      areCorners
        ? finding(
          .boxesAsCorners, beyond, "that reaches beyond its image, and 95 % or more would do as corners",
          .warning, "are they [x1, y1, x2, y2]? They must be [x, y, width, height]")
        : finding(
          .boxesBeyondImage, beyond, "that reaches beyond its image", nil,
          "are the boxes in pixels of a resized image? They must be [x, y, width, height] in pixels of the original"),
      finding(
        .boxesAsFractions, fractions, "within 0 and 1", nil,
        "are they fractions of the image's width and height? They must be in pixels"),
    ].compactMap(\.self)
  }
}

extension BoundingBox {
  /// As a file has it, to two decimals.
  fileprivate var text: String { "[\([x, y, width, height].map(shortText).joined(separator: ", "))]" }
}

/// A number to two decimals; whole ones without a point.
private func shortText(_ number: Double) -> String {
  let rounded = (number * 100).rounded() / 100
  return Int(exactly: rounded).map { "\($0)" } ?? "\(rounded)"
}
