extension DataFinding.Code {
  /// Masks of another size than their image.
  public static let maskSizes = Self(rawValue: "mask-sizes")
}

/// Counts run-length masks whose size is not their image's: the reference implementations find that they overlap with
/// nothing.
package struct MaskSizeCensus: Sendable {
  private var count = 0
  private var other = 0
  private var swapped = 0
  private var example: String?

  package init() {}

  /// Looks at the masks of some records.
  ///
  /// - Parameters:
  ///   - masks: The masks.
  ///   - first: The place of the first one in its list.
  ///   - list: The list, as places in the file name it.
  ///   - image: The id and size of the image that a record lies in; sizes of 0 are not known.
  package mutating func add(
    _ masks: SegmentationColumns, first: Int, list: String,
    image: (_ index: Int) -> (id: Int, height: Int, width: Int)
  ) {
    for (index, entry) in masks.entries.enumerated() where entry.kind == .runLengths || entry.kind == .compressed {
      count += 1
      let (id, height, width) = image(index)
      guard height > 0, width > 0, Int(entry.height) != height || Int(entry.width) != width else { continue }
      other += 1
      if Int(entry.height) == width, Int(entry.width) == height { swapped += 1 }
      if example == nil {
        example = "\(list)[\(first + index)]: \(entry.height) × \(entry.width), image \(id) is \(height) × \(width)"
      }
    }
  }

  package mutating func merge(_ later: MaskSizeCensus) {
    count += later.count
    other += later.other
    swapped += later.swapped
    if example == nil { example = later.example }
  }

  /// What is odd.
  package var findings: [DataFinding] {
    guard other > 0 else { return [] }
    return [
      DataFinding(
        .maskSizes, count: other,
        "\(share(other, of: count, "mask")) \(other == 1 ? "has" : "have") another size than the image, height × width, "
          + "and \(other == 1 ? "matches" : "match") nothing", example: example,
        remedy: swapped == other
          ? "are height and width swapped? size is [height, width]" : "draw masks in the original image's size")
    ]
  }
}
