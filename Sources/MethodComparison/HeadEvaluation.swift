import DetectionHeads
import FeatureSets
import HeadInference
import LVISDatasets
import LVISEvaluation

extension LVISEvaluator {
  /// Detects with a head and scores what it finds, image by image: no detection outlives its image.
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - boxes: Places the detections; `nil` to take the box deltas of the features.
  ///   - features: The RoIs or the feature maps.
  ///   - dataset: Gives the sizes of the images.
  ///   - settings: How scores become detections.
  /// - Returns: The metrics over all images of the ground truth, those without RoIs included.
  /// - Throws: `FeatureSetError` if head and features do not fit; `EvaluationError` for an image that the ground truth
  ///   does not know.
  public func evaluate(
    _ head: LinearHead, boxes: BoxPlacement? = nil, on features: any DetectableFeatures,
    clippingTo dataset: LVISDataset, settings: DetectionSettings
  ) throws -> EvaluationResult {
    try score(head, boxes: boxes, on: features, clippingTo: dataset, settings: settings).result
  }

  /// The same in the form that comparisons need.
  ///
  /// - Parameter deliver: Takes the detections, image after image by ascending id.
  func score(
    _ head: LinearHead, boxes: BoxPlacement?, on features: any DetectableFeatures,
    clippingTo dataset: LVISDataset, settings: DetectionSettings, deliver: ([Detection]) throws -> Void = { _ in }
  ) throws -> ScoredDetections {
    let pass = try features.detectionPass(
      of: head, boxes: boxes, clippingTo: dataset, settings: settings)
    let evaluation = try IncrementalEvaluation(self)
    try pass.forEachImage { image in
      let detections = image.detections.map { detection in
        Detection(
          imageID: image.imageID, categoryID: head.groups.members[detection.classIndex].id,
          box: BoundingBox(detection.box), score: Double(detection.score))
      }
      try evaluation.add(detections, toImage: image.imageID)
      return detections
    } deliver: {
      try deliver($0)
    }
    return evaluation.scored()
  }
}

extension EvaluationOptions {
  /// LVIS's rules, with AP1 and on for groups of classes, and r, c and f by the training images of each class; with curves.
  init(groups: CategoryGroups, frequenciesFromCounts: Bool) {
    self.init()
    keepsCurves = true
    self.groups = groups
    guard frequenciesFromCounts else { return }
    frequencies = Dictionary(
      groups.members.map { ($0.id, LVISFrequency(trainingImageCount: $0.imageCount)) }
    ) { $1 }
  }
}
