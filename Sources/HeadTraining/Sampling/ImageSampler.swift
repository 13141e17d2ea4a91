import DenseLinearAlgebra

/// Chooses the images that training visits, and how often.
///
/// Training visits one pass after another. A pass depends on the generator alone, which the trainer makes from the seed
/// and the number of the pass; so a run can go on from any step.
public protocol ImageSampler: Sendable {
  /// The images of one pass by their positions among the source's, in any order: the trainer shuffles them.
  ///
  /// - Parameter generator: For what is drawn at random.
  /// - Returns: At least one image; an image that is visited twice stands twice.
  func visits(using generator: inout SeededGenerator) -> [Int]
}

/// Visits every image once a pass.
public struct EveryImage: ImageSampler {
  /// The number of images of the source.
  public let imageCount: Int

  /// Makes a sampler for a source's images.
  public init(imageCount: Int) { self.imageCount = imageCount }

  /// The positions of all images, each once.
  public func visits(using generator: inout SeededGenerator) -> [Int] { Array(0..<imageCount) }
}
