import LVISDatasets

/// What is wrong with detections: the kinds of errors, and what objects are called instead of what they are.
public struct DetectionAnalysis: Sendable {
  /// The kinds of errors and what they cost.
  public let errors: ErrorBreakdown
  /// What objects are called.
  public let confusion: ConfusionTable

  /// The IoU from which a detection is on an object: TIDE's foreground threshold.
  public static let foregroundThreshold = 0.5
  /// The lowest IoU that is told apart from none: TIDE's background threshold.
  public static let backgroundThreshold = MaskReach.threshold
}

extension LVISEvaluator {
  /// Takes the errors of detections apart.
  ///
  /// Every detection after the caps is held against every object of its image, of whatever class, at the IoU thresholds
  /// that ``DetectionAnalysis`` states, whatever those of the options are. A match with ground truth of id 0 counts.
  ///
  /// - Parameter detections: Prepared for analysis, where masks are compared.
  /// - Throws: `EvaluationError` if they were prepared for scoring only.
  /// - Complexity: Time grows with detections times objects of the same image. What is kept is 32 bytes for each
  ///   detection that counts, whatever the number of objects.
  public func analyze(_ detections: PreparedDetections) throws -> DetectionAnalysis {
    let findings: ImageFindings
    switch options.iouType {
    case .bbox:
      findings = walk(detections, BoxOverlap(detections.table, truth))
    case .segm, .boundary:
      guard detections.purpose == .analysis else {
        throw EvaluationError(
          "these detections were prepared for scoring, without all masks: prepare them for analysis")
      }
      findings = walk(
        detections,
        MaskOverlap(
          detections.table, truth, usesBoundaries: options.iouType == .boundary,
          lowestThreshold: DetectionAnalysis.backgroundThreshold))
    }
    let splits = ClassSplits(truth.categories, options)
    return DetectionAnalysis(
      errors: ErrorAccounting(self, findings).breakdown(splits),
      confusion: ConfusionTable(calledAs: findings.calledAs, truth: truth, options: options))
  }

  /// Visits all images, some at a time on each core.
  private func walk(_ detections: PreparedDetections, _ overlap: some Overlap) -> ImageFindings {
    let imagesAtATime = 256
    let imageCount = truth.images.count
    let parts = concurrentMap((imageCount + imagesAtATime - 1) / imagesAtATime) { part in
      var classifier = DetectionErrorClassifier(self, detections.table, overlap)
      for image in (part * imagesAtATime)..<min((part + 1) * imagesAtATime, imageCount) {
        classifier.classify(image: image, detections: detections.groups.order[detections.groups.range(of: image)])
      }
      return classifier.findings
    }
    return parts.reduce(into: ImageFindings(categoryCount: truth.categories.count)) { $0.add($1) }
  }
}
