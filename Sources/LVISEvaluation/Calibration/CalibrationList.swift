/// The detections of a class, or of several, that count at either threshold of a calibration: by descending score.
struct CalibrationList: Sendable {
  private struct Entry: Sendable {
    var score: Double
    /// Its IoU with the object that it finds at threshold 0; 0 where there is none.
    var overlap: Double
    /// Its IoU with the object that it finds at threshold .5.
    var rightOverlap: Double
    /// Whether it is right or wrong at threshold 0, and not ignored.
    var counts: Bool
    /// Whether it is right or wrong at threshold .5, and not ignored.
    var countsAtHalf: Bool
    var isRight: Bool
  }

  private var entries: [Entry] = []

  /// - Parameter verdicts: At the thresholds 0 and .5 over all areas, in the order of `Verdict.precedes`.
  init(_ verdicts: ClassVerdicts) {
    entries.reserveCapacity(verdicts.verdicts.count)
    for verdict in verdicts.verdicts {
      var entry = Entry(
        score: verdict.score, overlap: 0, rightOverlap: 0, counts: true, countsAtHalf: true, isRight: false)
      if verdict.outcome < 0 {
        guard verdict.ignoredRanges & 1 == 0 else { continue }
      } else {
        let row = Int(verdict.outcome)
        let outcome = verdicts.outcomes[row]
        let either = outcome.truePositive | outcome.falsePositive
        guard either != 0 else { continue }
        (entry.counts, entry.countsAtHalf) = (either & 1 != 0, either & 2 != 0)
        if outcome.truePositive & 1 != 0 { entry.overlap = verdicts.overlaps[2 * row] }
        if outcome.truePositive & 2 != 0 {
          (entry.rightOverlap, entry.isRight) = (verdicts.overlaps[2 * row + 1], true)
        }
      }
      entries.append(entry)
    }
  }

  /// Several classes together.
  init(_ lists: [CalibrationList]) {
    entries = lists.flatMap(\.entries)
    if lists.count > 1 { entries.sort { $0.score > $1.score } }
  }

  /// How many count at threshold .5.
  var count: Int { entries.count { $0.countsAtHalf } }

  var meanScore: Double? { mean(\.score) }
  var precision: Double? { mean { $0.isRight ? 1 : 0 } }

  private func mean(_ value: (Entry) -> Double) -> Double? {
    let counted = entries.lazy.filter(\.countsAtHalf)
    let count = count
    return count == 0 ? nil : counted.reduce(0) { $0 + value($1) } / Double(count)
  }

  /// The bins of D-ECE that hold detections.
  var bins: [DetectionCalibration.Bin] {
    sums(binCount: DetectionCalibration.binCount, counting: \.countsAtHalf) { $0.isRight ? 1 : 0 }.map {
      let count = Double($0.count)
      return DetectionCalibration.Bin(
        lower: $0.lower, upper: $0.upper, count: $0.count, meanScore: $0.score / count, precision: $0.value / count)
    }
  }

  /// The mean distance of the mean IoU from the mean score, over 25 bins, each as heavy as it is full.
  var localizationAwareError: Double? {
    let bins = sums(binCount: DetectionCalibration.localizationAwareBinCount, counting: \.counts) { $0.overlap }
    let all = bins.reduce(0) { $0 + $1.count }
    guard all > 0 else { return nil }
    return bins.reduce(0) { sum, bin in
      let count = Double(bin.count)
      return sum + count / Double(all) * abs(bin.value / count - bin.score / count)
    }
  }

  private struct Sum {
    var lower: Double
    var upper: Double
    var count = 0
    var score = 0.0
    var value = 0.0
  }

  /// Sums over bins of equal width, each without its lower end except the first; those that are empty are left out.
  private func sums(binCount: Int, counting: (Entry) -> Bool, _ value: (Entry) -> Double) -> [Sum] {
    // The edges of numpy's `linspace`.
    let step = 1 / Double(binCount)
    let edges = (0...binCount).map { $0 == binCount ? 1 : Double($0) * step }
    var sums = (0..<binCount).map { Sum(lower: edges[$0], upper: edges[$0 + 1]) }
    var bin = binCount - 1
    // Scores descend, and so do the bins.
    for entry in entries where counting(entry) {
      while bin > 0, entry.score <= edges[bin] { bin -= 1 }
      sums[bin].count += 1
      sums[bin].score += entry.score
      sums[bin].value += value(entry)
    }
    return sums.filter { $0.count > 0 }
  }

  /// The lowest LRP over all score thresholds; of equal ones, the highest threshold.
  func optimalError(objects: Int) -> DetectionCalibration.OptimalError {
    var (right, wrong, overlap) = (0, 0, 0.0)
    var best = DetectionCalibration.OptimalError(
      error: 1, localization: nil, falsePositive: nil, falseNegative: 1, threshold: nil)
    for entry in entries where entry.countsAtHalf {
      if entry.isRight { right += 1 } else { wrong += 1 }
      overlap += entry.rightOverlap
      guard entry.isRight else { continue }
      let localization = Double(right) - overlap
      let error =
        (localization / (1 - DetectionCalibration.threshold) + Double(wrong) + Double(objects - right))
        / Double(wrong + objects)
      guard error < best.error else { continue }
      best = DetectionCalibration.OptimalError(
        error: error, localization: localization / Double(right), falsePositive: Double(wrong) / Double(right + wrong),
        falseNegative: Double(objects - right) / Double(objects), threshold: entry.score)
    }
    return best
  }
}
