import DenseLinearAlgebra
import FeatureSets

/// Random sampling (Ren et al., NeurIPS 2015, §3.1.3; mmdetection `RandomSampler`): a fixed number of RoIs of each image,
/// a limited share of them foreground, the rest background, drawn without replacement.
///
/// Where foreground is scarce, background fills its indices; where background is, the image gives fewer RoIs. That ground
/// truth is among the RoIs is up to the feature set.
public struct RandomRoIs: RoISelector {
  /// The number of RoIs that are drawn of an image.
  public let count: Int
  /// The largest share of foreground, 0...1.
  public let positiveFraction: Double

  /// Makes a selector; by default it draws 512 RoIs of an image, at most a quarter of them foreground.
  public init(count: Int = 512, positiveFraction: Double = 0.25) {
    self.count = count
    self.positiveFraction = positiveFraction
  }

  /// The selector looks at nothing but labels.
  public var needs: RoISelectionNeeds { [] }

  /// The places of the RoIs that are drawn of every image, ascending.
  public func select(from batch: RoIBatch, using generator: inout SeededGenerator) -> [Int32] {
    batch.images.flatMap { image -> [Int32] in
      let (positives, negatives) = batch.indices(ofImage: image)
      let kept = drawn(Int(Double(count) * positiveFraction), of: positives, using: &generator)
      return (kept + drawn(count - kept.count, of: negatives, using: &generator)).sorted()
    }
  }
}
