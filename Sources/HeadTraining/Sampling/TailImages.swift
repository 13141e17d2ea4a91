import DenseLinearAlgebra
import FeatureSets
import HeadLosses

/// Visits only the images that show a rare class, as tail fine-tuning does (Li et al., CVPR 2020, table 1, (3)).
///
/// All RoIs of such an image are trained on, those of frequent classes and background too.
public struct TailImages: ImageSampler {
  /// The positions of the images that show a rare class, ascending.
  public let images: [Int]

  /// Gathers the images.
  ///
  /// - Parameters:
  ///   - images: The classes of every image.
  ///   - counts: n_c of every class.
  ///   - limit: A class with fewer instances is rare.
  /// - Throws: `MethodParameterError` if no image shows one.
  public init(_ images: ImageClasses, instanceCounts counts: [Int], below limit: Int = 100) throws {
    self.images = (0..<images.imageCount).filter { image in
      images.classes(ofImage: image).contains { counts[$0.classIndex] < limit }
    }
    if self.images.isEmpty {
      throw MethodParameterError(
        .badValue, "no image shows a class with fewer than \(limit) instances; raise tail-below")
    }
  }

  /// The images that show a rare class, each once.
  public func visits(using generator: inout SeededGenerator) -> [Int] { images }
}
