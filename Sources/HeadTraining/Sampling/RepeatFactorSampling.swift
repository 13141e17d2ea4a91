import DenseLinearAlgebra
import FeatureSets

/// Repeat factor sampling (Gupta, Dollár and Girshick, CVPR 2019, §5.2; detectron2 `RepeatFactorTrainingSampler`): images
/// with rare classes are visited more often.
///
/// r_c = max(1, √(t / f_c)) with f_c the share of *images* that show class c, several objects counting once; the images
/// are those that can be visited, as detectron2 leaves images without annotations out before it counts; an image's
/// factor is the largest of its classes', 1 where it has none. In each pass the fraction of a factor is rounded up or
/// down at random, so that the mean number of visits is the factor. Factors are single precision, as detectron2 keeps
/// them; mmdetection's `ClassBalancedDataset` rounds up once and for all instead.
public struct RepeatFactorSampling: ImageSampler {
  /// The repeat factor r of every image.
  public let factors: [Float]

  /// Computes the factors.
  ///
  /// - Parameters:
  ///   - images: The classes of every image.
  ///   - threshold: t: classes in fewer images than this share of all are repeated; above 0.
  public init(_ images: ImageClasses, threshold: Double = 1e-3) {
    let imageCount = Double(images.imageCount)
    let classFactors = images.imageCounts.map { count in
      // A class in no image has no factor; nothing reads it.
      count > 0 ? max(1, (threshold / (Double(count) / imageCount)).squareRoot()) : 1
    }
    factors = (0..<images.imageCount).map { image in
      Float(images.classes(ofImage: image).map { classFactors[$0.classIndex] }.max() ?? 1)
    }
  }

  /// Every image ⌊r⌋ times, and once more with probability r − ⌊r⌋.
  public func visits(using generator: inout SeededGenerator) -> [Int] {
    visits(uniforms: factors.map { _ in Float.random(in: 0..<1, using: &generator) })
  }

  /// The visits of a pass for given random numbers, one an image, in 0..<1.
  package func visits(uniforms: [Float]) -> [Int] {
    var visits: [Int] = []
    visits.reserveCapacity(factors.count * 2)
    for (image, factor) in factors.enumerated() {
      let whole = factor.rounded(.towardZero)
      let count = Int(whole) + (uniforms[image] < factor - whole ? 1 : 0)
      visits.append(contentsOf: repeatElement(image, count: count))
    }
    return visits
  }
}
