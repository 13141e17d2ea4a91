/// The verdicts on a class by descending score, in the short form that precision and recall are computed from: the few
/// detections that match something, and of all others no more than whether they count.
struct RankedVerdicts: Sendable {
  /// A detection that matches something at some threshold.
  private struct Match: Sendable {
    var score: Double
    /// Its row of `outcomes`.
    var outcome: Int32
    /// How many detections without a match precede it.
    var missesBefore: Int32
    var rank: UInt16
  }

  private var matches: [Match] = []
  /// Of every detection without a match the ranges in which it is ignored, and above these 16 bits its rank.
  private var misses: [UInt32] = []
  private let outcomes: [Outcome]
  /// The score of the best detection; `nil` without detections.
  let firstScore: Double?

  /// The number of detections.
  var count: Int { matches.count + misses.count }

  /// - Parameter verdicts: In any order.
  init(_ verdicts: ClassVerdicts) {
    outcomes = verdicts.outcomes
    let order = verdicts.verdicts.order()
    firstScore = order.first.map { verdicts.verdicts[Int($0)].score }
    misses.reserveCapacity(order.count)
    for place in order {
      let verdict = verdicts.verdicts[Int(place)]
      guard verdict.outcome >= 0 else {
        misses.append(UInt32(verdict.ignoredRanges) | UInt32(verdict.rank) << 16)
        continue
      }
      matches.append(
        Match(
          score: verdict.score, outcome: verdict.outcome, missesBefore: Int32(truncatingIfNeeded: misses.count),
          rank: verdict.rank))
    }
  }

  /// Visits the true positives at every threshold, best first.
  ///
  /// - Parameters:
  ///   - range: The area range.
  ///   - rangeCount: The number of ranges.
  ///   - thresholdCount: The number of thresholds.
  ///   - limit: How many detections of an image and class count.
  ///   - visit: Gets the threshold, how many true positives there are up to this one, the detections that count up to it,
  ///     and its score.
  @inline(__always)
  func forEachTruePositive(
    range: Int, of rangeCount: Int, thresholdCount: Int, limit: Int = .max,
    _ visit: (_ threshold: Int, _ right: Int, _ all: Int, _ score: Double) -> Void
  ) {
    let rangeBit: UInt32 = 1 << UInt32(range)
    // The highest key of a detection that is within the limit.
    let firstBeyond = UInt64(min(limit, 1 << 16)) << 16
    var commonWrong = 0
    var ownWrong = [Int](repeating: 0, count: thresholdCount)
    var right = ownWrong
    var done = 0
    misses.withUnsafeBufferPointer { misses in
      for match in matches {
        var counted: UInt32 = 0
        for place in done..<Int(match.missesBefore) {
          let key = misses[place]
          counted &+= key & rangeBit == 0 && UInt64(key) < firstBeyond ? 1 : 0
        }
        commonWrong += Int(counted)
        done = Int(match.missesBefore)
        guard Int(match.rank) < limit else { continue }
        let outcome = outcomes[Int(match.outcome) * rangeCount + range]
        var bits = outcome.falsePositive
        while bits != 0 {
          ownWrong[bits.trailingZeroBitCount] += 1
          bits &= bits - 1
        }
        bits = outcome.truePositive
        while bits != 0 {
          let threshold = bits.trailingZeroBitCount
          right[threshold] += 1
          visit(threshold, right[threshold], commonWrong + ownWrong[threshold] + right[threshold], match.score)
          bits &= bits - 1
        }
      }
    }
  }
}
