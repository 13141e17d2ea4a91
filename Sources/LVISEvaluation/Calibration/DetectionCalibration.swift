import LVISDatasets

/// Whether the scores of detections are to be trusted as probabilities, and where to cut them off: of all classes, of
/// each frequency and group, and of each class.
///
/// The numbers are those of the code of Kuzucu et al. (ECCV 2024, arXiv 2405.20459), fiveai/detection_calibration:
/// - **D-ECE** (Küppers et al., CVPR workshops 2020): detections lie in ten bins by score; in each, the precision at IoU
///   .5 is held against the mean score. The expected error is the mean of the distances, each bin weighing as many
///   detections as it holds; the maximum error is the largest of them.
/// - **LaECE₀** (Oksuz et al., CVPR 2023, arXiv 2307.00934, at threshold 0): of each class, in 25 bins, the mean IoU of
///   the detections with their objects, 0 where there is none, is held against the mean score; the mean over classes.
/// - **oLRP** (Oksuz et al., TPAMI 2022, arXiv 2011.10772): the lowest error of localization, recall and precision that
///   any score threshold of a class reaches at IoU .5, and that threshold.
///
/// Detections count as they do for AP: after the caps, and without those that federated labels or areas ignore. Classes
/// without objects take no part.
public struct DetectionCalibration: Sendable, Codable {
  /// The detections whose scores lie in one bin.
  public struct Bin: Sendable, Codable, Equatable {
    /// The lowest score of the bin, which belongs to the bin below except in the first.
    public let lower: Double
    /// The highest score of the bin.
    public let upper: Double
    /// The number of detections.
    public let count: Int
    /// The mean of their scores.
    public let meanScore: Double
    /// The share of them that is right at IoU .5.
    public let precision: Double
  }

  /// The lowest error that a score threshold reaches, and its parts.
  public struct OptimalError: Sendable, Codable, Equatable {
    /// oLRP, from 0, all objects found exactly and nothing else, to 1.
    public let error: Double
    /// 1 less the mean IoU of the detections that are right there; `nil` where none is.
    public let localization: Double?
    /// The share of the detections that are wrong there; `nil` where none is right.
    public let falsePositive: Double?
    /// The share of the objects that are not found there.
    public let falseNegative: Double
    /// The score threshold, itself included; `nil` where none finds an object.
    public let threshold: Double?
  }

  /// The calibration of some classes.
  public struct Row: Sendable, Codable, Equatable {
    /// The classes that the row is about.
    public let split: ClassSplit
    /// The number of classes that have objects.
    public let classCount: Int
    /// The number of detections of these classes that count.
    public let detectionCount: Int
    /// The mean of their scores; `nil` without detections.
    public let meanScore: Double?
    /// The share of them that is right at IoU .5; below `meanScore` the scores promise too much.
    public let precision: Double?
    /// D-ECE, from 0 to 1; `nil` without detections.
    public let expectedError: Double?
    /// The largest distance in a bin; `nil` without detections.
    public let maximumError: Double?
    /// LaECE₀, the mean over the classes that have detections; `nil` without any.
    public let localizationAwareError: Double?
    /// oLRP and its parts, each the mean over the classes that have it; its threshold is the one that is best for all
    /// detections and objects of these classes together. `nil` without objects.
    public let optimal: OptimalError?
    /// The ten bins of D-ECE that hold detections, by ascending score: the reliability curve.
    public let bins: [Bin]

    private enum CodingKeys: String, CodingKey {
      case split = "classes"
      case classCount, meanScore, precision, bins
      case detectionCount = "detections"
      case expectedError = "dEce"
      case maximumError = "dMce"
      case localizationAwareError = "laEce"
      case optimal = "olrp"
    }
  }

  /// The calibration of one class.
  public struct ClassRow: Sendable, Codable, Equatable, Identifiable {
    /// The category's id.
    public let id: Int
    /// The category's name.
    public let name: String
    /// The number of objects that count.
    public let objectCount: Int
    /// The number of detections that count.
    public let detectionCount: Int
    /// The mean of their scores; `nil` without detections.
    public let meanScore: Double?
    /// The share of them that is right at IoU .5; `nil` without detections.
    public let precision: Double?
    /// LaECE₀ of the class; `nil` without detections.
    public let localizationAwareError: Double?
    /// oLRP, its parts and its threshold.
    public let optimal: OptimalError

    private enum CodingKeys: String, CodingKey {
      case id, name, meanScore, precision
      case objectCount = "objects"
      case detectionCount = "detections"
      case localizationAwareError = "laEce"
      case optimal = "olrp"
    }
  }

  /// The rows: all classes, then those of each frequency and group.
  public let rows: [Row]
  /// The classes that have objects, by ascending category id.
  public let classes: [ClassRow]

  /// The number of bins of D-ECE.
  public static let binCount = 10
  /// The number of bins of LaECE₀.
  public static let localizationAwareBinCount = 25
  /// The IoU from which a detection is right for D-ECE and oLRP.
  public static let threshold = 0.5
}

extension LVISEvaluator {
  /// Measures whether the scores of detections are to be trusted.
  ///
  /// - Parameter detections: Prepared for scoring or analysis.
  /// - Throws: `EvaluationError` for scores outside 0...1, which are no probabilities.
  /// - Complexity: As an evaluation at two thresholds.
  public func calibration(of detections: PreparedDetections) throws -> DetectionCalibration {
    if let worst = detections.table.scores.first(where: { !(0...1).contains($0) }) {
      throw EvaluationError(
        .scoreRange, "a score is \(worst), but calibration needs scores from 0 to 1, as probabilities are")
    }
    let store = matching(at: [0, DetectionCalibration.threshold], areaRanges: [])
      .store(of: detections, keepsOverlaps: true)
    let objects = objectCounts { _ in true }.map { $0[0] }
    let lists = concurrentMap(store.classes.count) { CalibrationList(store.classes[$0].sorted()) }
    let classes = truth.categories.indices.filter { objects[$0] > 0 }
    let own = concurrentMap(classes.count) { place -> DetectionCalibration.ClassRow in
      let (category, list) = (truth.categories[classes[place]], lists[classes[place]])
      return DetectionCalibration.ClassRow(
        id: category.id, name: category.name, objectCount: objects[classes[place]], detectionCount: list.count,
        meanScore: list.meanScore, precision: list.precision, localizationAwareError: list.localizationAwareError,
        optimal: list.optimalError(objects: objects[classes[place]]))
    }
    let splits = ClassSplits(truth.categories, options)
    return DetectionCalibration(
      rows: splits.splits.enumerated().map { row, split in
        let members = classes.indices.filter { splits.contains(classes[$0], inRow: row) }
        return DetectionCalibration.Row(
          split, classes: members.map { own[$0] }, together: CalibrationList(members.map { lists[classes[$0]] }))
      }, classes: own)
  }
}

extension DetectionCalibration.Row {
  fileprivate init(_ split: ClassSplit, classes: [DetectionCalibration.ClassRow], together: CalibrationList) {
    self.split = split
    (classCount, detectionCount) = (classes.count, together.count)
    (meanScore, precision, bins) = (together.meanScore, together.precision, together.bins)
    let distances = bins.map {
      (error: abs($0.precision - $0.meanScore), share: Double($0.count) / Double(together.count))
    }
    expectedError = bins.isEmpty ? nil : distances.reduce(0) { $0 + $1.share * $1.error }
    maximumError = distances.map(\.error).max()
    localizationAwareError = mean(classes.compactMap(\.localizationAwareError))
    optimal = mean(classes.map(\.optimal.error)).map { error in
      DetectionCalibration.OptimalError(
        error: error, localization: mean(classes.compactMap(\.optimal.localization)),
        falsePositive: mean(classes.compactMap(\.optimal.falsePositive)),
        falseNegative: mean(classes.map(\.optimal.falseNegative)) ?? 1,
        threshold: together.optimalError(objects: classes.reduce(0) { $0 + $1.objectCount }).threshold)
    }
  }
}

private func mean(_ values: [Double]) -> Double? {
  values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
}
