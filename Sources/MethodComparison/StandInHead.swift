import DetectionHeads
import Foundation
import HeadInference
import HeadLosses
import HeadTraining

/// A head, of softmax on RoIs and of focal loss on anchors, that stands for the detector's own where that has seen the images that are held out.
///
/// The detector's own head was trained on all training images, so a method that leaves it as it is looks good on any of
/// them. The stand-in was trained as long as trials are, from random weights, without the images held out, with the learning
/// rate at which it knows its training RoIs about as well as the detector's own head does: methods that start from it show
/// on the images held out what they do for images that are new to a head.
struct StandInHead {
  /// The head.
  let head: TrainedHead
  /// By which trials that start from it are told apart.
  let digest: String
  /// The learning rate that it was trained with.
  let learningRate: Double
}

extension TrialRunner {
  /// Trains a stand-in for every split.
  ///
  /// - Parameters:
  ///   - own: The detector's own head.
  ///   - context: Its epochs are those of the stand-ins' training.
  ///   - firstRate: The learning rate that is tried first.
  /// - Throws: `ComparisonError` where training diverges at every rate.
  func trainStandIns(for own: OwnHead, firstRate: Double, in context: Context) throws {
    let target = try familiarity(of: own.head)
    func gap(_ rate: Double) throws -> Double {
      guard let head = try head(of: standIn(rate), in: context)?.head else { return -.infinity }
      return try familiarity(of: head) - target
    }
    // The gap falls as the rate rises: walk towards 0, half a power of ten at a time.
    let step = 10.0.squareRoot()
    var rate = LearningRateSearch.rounded(firstRate)
    var best = (rate: rate, gap: try gap(rate))
    let factor = best.gap > 0 ? step : 1 / step
    while (firstRate / 1100...firstRate * 1100).contains(rate * factor) {
      rate = LearningRateSearch.rounded(rate * factor)
      let next = (rate: rate, gap: try gap(rate))
      if abs(next.gap) < abs(best.gap) { best = next }
      if (next.gap > 0) != (factor > 1) { break }
    }
    guard best.gap.isFinite else {
      throw ComparisonError(.diverged, "a head to stand for the detector's own diverged at every learning rate")
    }
    standIns = try splits.indices.map { split in
      var context = context
      context.split = split
      guard let head = try head(of: standIn(best.rate), in: context) else {
        throw ComparisonError(.diverged, "a head to stand for the detector's own diverged at \(best.rate)")
      }
      return StandInHead(
        head: head, digest: try key(of: standIn(best.rate), in: context).digest(), learningRate: best.rate)
    }
  }

  private func standIn(_ rate: Double) -> ComparedMethod {
    var row = ComparedMethod(plainMethod, learningRate: rate)
    row.start = .random
    return row
  }

  /// The mean over the groups of −log of the score that labelled RoIs of the first split give their own class.
  private func familiarity(of head: LinearHead) throws -> Double {
    let source = splits[0].rest
    let values = try head.meanNegativeLogScores(of: source, byGroupsOf: groups).compactMap(\.self)
    return values.reduce(0, +) / Double(max(1, values.count))
  }
}
