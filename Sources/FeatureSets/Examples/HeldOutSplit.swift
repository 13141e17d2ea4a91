import DenseLinearAlgebra

/// Training images put aside to choose settings on, with enough of every class on both sides: evaluation images are never
/// looked at for a choice.
///
/// Classes are gone through from the rarest on. Of each that is in two or more images, the share asked for is put aside,
/// one image at least, and one at least stays; a class in a single image stays whole.
public struct HeldOutSplit: Sendable, Equatable {
  /// The positions of the images that stay, ascending.
  public let kept: [Int]
  /// The positions of the images put aside, ascending.
  public let heldOut: [Int]

  /// Splits images.
  ///
  /// - Parameters:
  ///   - images: The classes of every image.
  ///   - fraction: The share to put aside, above 0 and below 1.
  ///   - generator: For the choice among images that are as good.
  /// - Complexity: O(images · classes of an image · log).
  public init(
    _ images: ImageClasses, fraction: Double = 0.2, using generator: inout some RandomNumberGenerator
  ) {
    let counts = images.imageCounts
    var imagesOfClass = [[Int]](repeating: [], count: images.classCount)
    let order = (0..<images.imageCount).shuffled(using: &generator)
    for image in order {
      for entry in images.classes(ofImage: image) { imagesOfClass[entry.classIndex].append(image) }
    }
    var isHeldOut = [Bool](repeating: false, count: images.imageCount)
    var heldOutCounts = [Int](repeating: 0, count: images.classCount)
    func holdOut(_ image: Int) {
      let classes = images.classes(ofImage: image).map(\.classIndex)
      guard !isHeldOut[image], classes.allSatisfy({ heldOutCounts[$0] + 1 < counts[$0] }) else { return }
      isHeldOut[image] = true
      for index in classes { heldOutCounts[index] += 1 }
    }
    for index in (0..<images.classCount).sorted(by: { (counts[$0], $0) < (counts[$1], $1) }) where counts[index] > 1 {
      let wanted = max(1, Int((fraction * Double(counts[index])).rounded()))
      for image in imagesOfClass[index] where heldOutCounts[index] < wanted { holdOut(image) }
    }
    // Images without foreground are put aside in proportion.
    let empty = order.filter { images.classes(ofImage: $0).isEmpty }
    for image in empty.prefix(Int((fraction * Double(empty.count)).rounded())) { holdOut(image) }
    kept = isHeldOut.indices.filter { !isHeldOut[$0] }
    heldOut = isHeldOut.indices.filter { isHeldOut[$0] }
  }
}
