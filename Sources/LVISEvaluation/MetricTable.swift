import LVISDatasets

/// The cells, of class, area range and IoU threshold, that each metric is the mean of (lvis-api `LVISEval._summarize`).
struct MetricTable {
  /// A metric: its name and its cells within a class.
  struct Definition {
    enum Quantity { case averagePrecision, recall, limitedRecall }

    let name: String
    let quantity: Quantity
    let cells: [Int]

    /// The mean over all cells > −1 of the classes; `nil` where there is none.
    ///
    /// Every class with objects has as many cells as the next, so the mean over recall points may be taken first.
    func mean(over classes: some Sequence<ClassScores>) -> Double? {
      var sum = 0.0
      var count = 0
      for scores in classes {
        let values =
          switch quantity {
          case .averagePrecision: scores.averagePrecision
          case .recall: scores.recall
          case .limitedRecall: scores.limitedRecall
          }
        for cell in cells where cell < values.count && values[cell] > -1 {
          sum += values[cell]
          count += 1
        }
      }
      return count == 0 ? nil : sum / Double(count)
    }
  }

  private let options: EvaluationOptions
  private let thresholdCount: Int

  init(_ options: EvaluationOptions) {
    self.options = options
    thresholdCount = options.iouThresholds.count
  }

  private func cells(range: Int, threshold: Double? = nil) -> [Int] {
    (0..<thresholdCount).filter { threshold == nil || options.iouThresholds[$0] == threshold }
      .map { range * thresholdCount + $0 }
  }

  /// AP in a range, by its place among `EvaluationOptions.allRanges`.
  func precision(range: Int) -> Definition {
    Definition(name: "AP", quantity: .averagePrecision, cells: cells(range: range))
  }

  /// Recall in a range.
  func recall(range: Int) -> Definition { Definition(name: "AR", quantity: .recall, cells: cells(range: range)) }

  private var precisions: [Definition] {
    let atThresholds = [("AP50", 0.5), ("AP75", 0.75)].map {
      Definition(name: $0.0, quantity: .averagePrecision, cells: cells(range: 0, threshold: $0.1))
    }
    let overRanges = options.allRanges.enumerated().map {
      Definition(name: "AP" + $1.suffix, quantity: .averagePrecision, cells: cells(range: $0))
    }
    return [overRanges[0]] + atThresholds + overRanges.dropFirst()
  }

  private func recalls(suffix: String) -> [Definition] {
    options.allRanges.enumerated().map {
      Definition(name: "AR\($1.suffix)\(suffix)", quantity: .recall, cells: cells(range: $0))
    }
  }

  /// The metrics of one class, without a cap in their names.
  var perClass: [Definition] { precisions + recalls(suffix: "") }

  /// The metrics over classes: those before APr, APc and APf, and those behind.
  var overall: (beforeFrequencies: [Definition], behind: [Definition]) {
    guard options.rules == .coco else { return (precisions, recalls(suffix: "@" + options.capName)) }
    let limited = [1, 10].enumerated().map { index, limit in
      Definition(
        name: "AR@\(limit)", quantity: .limitedRecall,
        cells: (0..<thresholdCount).map { index * thresholdCount + $0 })
    }
    return (precisions, limited + recalls(suffix: "@\(MatchingRules.cocoMaxDetections)"))
  }
}

extension EvaluationResult {
  static func metrics(_ scores: [ClassScores], classes: [ClassResult], options: EvaluationOptions) -> [Metric] {
    let definitions = MetricTable(options).overall
    var metrics = definitions.beforeFrequencies.map { Metric(name: $0.name, value: $0.mean(over: scores)) }
    let precision = definitions.beforeFrequencies[0]
    func mean(where isIncluded: (ClassResult) -> Bool) -> Double? {
      precision.mean(over: zip(classes, scores).filter { isIncluded($0.0) }.map(\.1))
    }
    if options.rules == .lvis {
      for frequency in LVISFrequency.allCases {
        metrics.append(Metric(name: "AP" + frequency.rawValue, value: mean { $0.frequency == frequency }))
      }
    }
    metrics += definitions.behind.map { Metric(name: $0.name, value: $0.mean(over: scores)) }
    if let groups = options.groups {
      for group in 0..<groups.groupCount {
        metrics.append(Metric(name: "AP\(group + 1)", value: mean { groups.group(ofCategory: $0.id) == group }))
      }
    }
    return metrics
  }
}

extension EvaluationOptions {
  /// The names of the metrics over all classes, in the order of `EvaluationResult.metrics`.
  public var metricNames: [String] { EvaluationResult.metrics([], classes: [], options: self).map(\.name) }

  /// The names of what is measured of each class, in the order of `ClassResult.metrics`.
  public var classMetricNames: [String] { MetricTable(self).perClass.map(\.name) }

  /// `AreaRange.all` and the others.
  var allRanges: [AreaRange] { [.all] + areaRanges.filter { $0.name != AreaRange.all.name } }

  func frequency(of category: LVISCategory) -> LVISFrequency? {
    guard let frequencies else { return category.frequency }
    return frequencies[category.id]
  }

  /// What the recall metrics' names say of the caps, as lvis-api and pycocotools put it: `300`, `-1`,
  /// `10000/cat`.
  var capName: String {
    let perImage = maxDetectionsPerImage ?? -1
    guard let perCategory = maxDetectionsPerCategory else { return "\(perImage)" }
    if maxDetectionsPerImage != nil { return "\(perImage)/im,\(perCategory)/cat" }
    // Fixed AP's own script says −1; the 2021 challenge, which is boundary with fixed AP, names the cap.
    return iouType == .boundary ? "\(perCategory)/cat" : "-1"
  }

  /// Checks that the options make sense together.
  ///
  /// - Throws: `EvaluationError` that says what does not.
  public func validate() throws {
    func check(_ isRight: Bool, _ text: @autoclosure () -> String) throws {
      if !isRight { throw EvaluationError(.badOption, text()) }
    }
    try check(!iouThresholds.isEmpty && iouThresholds.count <= 64, "between 1 and 64 IoU thresholds, please")
    try check(iouThresholds.allSatisfy { (0...1).contains($0) }, "IoU thresholds lie between 0 and 1")
    try check(allRanges.count <= 16, "at most 15 area ranges beside \"all\"")
    try check(Set(allRanges.map(\.name)).count == allRanges.count, "every area range needs a name of its own")
    try check((maxDetectionsPerImage ?? 1) > 0, "the cap on detections an image must be positive")
    try check((maxDetectionsPerCategory ?? 1) > 0, "the cap on detections a category must be positive")
  }
}
