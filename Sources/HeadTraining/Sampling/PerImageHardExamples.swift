import DenseLinearAlgebra
import FeatureSets

/// Mining of foreground and background apart, in each image by itself, by classification loss (mmdetection
/// `OHEMSampler`; "OHEM 1:3" of the survey texts).
///
/// - With a `count`: at most a share of it foreground, the hardest; background fills it up, the hardest.
/// - Without: all foreground.
/// - With `negativesPerPositive`: no more background than that many for each foreground RoI, counted as one where there
///   is none.
public struct PerImageHardExamples: RoISelector {
  /// RoIs of an image; `nil` for no limit.
  public let count: Int?
  /// The largest share of foreground in `count`.
  public let positiveFraction: Double
  /// The most background RoIs for each foreground RoI; `nil` for no limit.
  public let negativesPerPositive: Double?

  /// Makes a selector.
  public init(count: Int? = nil, positiveFraction: Double = 0.25, negativesPerPositive: Double? = 3) {
    self.count = count
    self.positiveFraction = positiveFraction
    self.negativesPerPositive = negativesPerPositive
  }

  /// Classification losses.
  public var needs: RoISelectionNeeds { .classLosses }

  /// The hardest of each image.
  public func select(from batch: RoIBatch, using generator: inout SeededGenerator) -> [Int32] {
    batch.images.flatMap { image -> [Int32] in
      let (positives, negatives) = batch.indices(ofImage: image)
      let wanted = count.map { Int(Double($0) * positiveFraction) } ?? positives.count
      let kept = hardest(wanted, of: positives, losses: batch.classLosses)
      var limit = count.map { $0 - kept.count } ?? negatives.count
      if let ratio = negativesPerPositive {
        let most = ratio * Double(max(1, kept.count))
        limit = most < Double(limit) ? Int(most) : limit
      }
      return (kept + hardest(limit, of: negatives, losses: batch.classLosses)).sorted()
    }
  }
}
