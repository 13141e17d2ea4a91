import DenseLinearAlgebra
import FeatureSets

/// Stratified online hard example mining, S-OHEM (Li et al., arXiv 1705.02233). There is no public code: this is our
/// reading.
///
/// The paper's point is that OHEM ranks by classification and box loss together, whatever their shares, and that the
/// shares that help change during training. So RoIs that survive OHEM's suppression fall into three strata by the share
/// of the box loss in their loss: classification-led (below a third), mixed, box-led (two thirds and more). Each stratum
/// has a quota of the RoIs kept: at first 60, 20 and 20 %, at the end 20, 20 and 60 %, linearly in between, so that
/// training goes over from telling classes apart to placing boxes. Within a stratum the hardest are kept; what a stratum
/// cannot fill goes to the hardest of the others.
public struct StratifiedHardExamples: RoISelector {
  private let mining: OnlineHardExamples

  /// Makes a selector.
  ///
  /// - Parameters:
  ///   - countPerImage: RoIs kept for each image of the batch, on average.
  ///   - suppressionIoU: The IoU above which an easier RoI gives way; 1 for never.
  public init(countPerImage: Int = 64, suppressionIoU: Float = 0.7) {
    mining = OnlineHardExamples(countPerImage: countPerImage, suppressionIoU: suppressionIoU)
  }

  /// Box losses, always: without them there is one stratum.
  public var needs: RoISelectionNeeds { [.boxes, .classLosses, .boxLossesAlways] }

  /// The hardest RoIs of every stratum.
  public func select(from batch: RoIBatch, using generator: inout SeededGenerator) -> [Int32] {
    let survivors = mining.hardestFirst(of: batch)
    let wanted = min(survivors.count, mining.countPerImage * batch.images.count)
    // A little more than nothing, so that .2 of 10 is 2 also where .2 is .6 − .4.
    let quotas = Self.quotas(progress: batch.progress).map { Int($0 * Double(wanted) + 1e-6) }
    var taken = [0, 0, 0]
    var kept: [Int32] = []
    var rest: [Int32] = []
    for index in survivors {
      let stratum = stratum(ofPlace: Int(index), in: batch)
      if taken[stratum] < quotas[stratum] {
        taken[stratum] += 1
        kept.append(index)
      } else {
        rest.append(index)
      }
    }
    return (kept + rest.prefix(wanted - kept.count)).sorted()
  }

  /// The shares of the strata: classification-led, mixed, box-led.
  static func quotas(progress: Double) -> [Double] {
    let done = min(max(progress, 0), 1)
    return [0.6 - 0.4 * done, 0.2, 0.2 + 0.4 * done]
  }

  private func stratum(ofPlace index: Int, in batch: RoIBatch) -> Int {
    let (classLoss, boxLoss) = (batch.classLosses[index], batch.boxLosses[index])
    let loss = classLoss + boxLoss
    let share = loss > 0 ? boxLoss / loss : 0
    return share < 1.0 / 3 ? 0 : share < 2.0 / 3 ? 1 : 2
  }
}
