import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import LVISDatasets

/// A pass over a feature set that turns RoIs into detections: score, threshold, decode, clip, suppress within each
/// class, keep the best of each image.
///
/// Queries have final boxes, which are neither decoded nor clipped; what of their scores becomes detections is in
/// ``QueryDetectionSettings``.
public struct DetectionPass: Sendable {
  /// The RoIs that are turned into detections.
  public let features: FeatureSet
  /// The thresholds, the box coder and the threads of the pass; of queries as the set's metadata says.
  public let settings: DetectionSettings
  /// The number of images whose size is not known: their boxes are not clipped.
  public let unclippedImageCount: Int
  /// The part of the images that is gone through, and the number of parts; all of them by default.
  public var share: (part: Int, count: Int) = (0, 1)
  private let scorer: any RoIScorer
  private let regressor: BoxRegressor?
  private let sizes: [SIMD2<Float>?]

  /// Checks that features, classifier and regressor fit together.
  ///
  /// - Parameters:
  ///   - features: The RoIs; where they have no `box_deltas`, the proposals are the boxes.
  ///   - scorer: The classifier.
  ///   - regressor: Gives the box deltas in place of the set's; `nil` to take those.
  ///   - dataset: Gives the sizes of the images, to clip to; `nil` to clip nothing.
  ///   - settings: The thresholds, the box coder and the threads.
  /// - Throws: `FeatureSetError` if features or box deltas do not fit the scorer or the regressor, the set has no boxes,
  ///   its metadata makes no sense, or the data set does not know an image.
  public init(
    features: FeatureSet, scorer: any RoIScorer, regressor: BoxRegressor? = nil, clippingTo dataset: LVISDataset?,
    settings: DetectionSettings = DetectionSettings()
  ) throws {
    func fault(_ column: FeatureColumn, _ detail: String) -> FeatureSetError {
      FeatureSetError(path: features.path, tensor: column.rawValue, code: .shape, detail: detail)
    }
    if let head = scorer as? LinearHead, head.layout.anchorsPerLocation != nil {
      throw fault(.features, "the head is a dense one, for feature maps; these are \(features.kind.plural)")
    }
    guard features.featureCount == scorer.inputs else {
      throw fault(.features, "\(features.featureCount) features a RoI, the head takes \(scorer.inputs)")
    }
    if let regressor {
      guard regressor.inputs == scorer.inputs else {
        throw fault(.features, "\(features.featureCount) features a RoI, the box regressor takes \(regressor.inputs)")
      }
      guard regressor.isClassAgnostic || regressor.weight.rows == 4 * scorer.classCount else {
        throw fault(
          .features,
          "the box regressor has \(regressor.weight.rows) rows; 4, or 4 for each of the head's \(scorer.classCount) "
            + "classes, are expected")
      }
    } else if let width = features.width(of: .boxDeltas), width != 4, width != 4 * scorer.classCount {
      throw fault(
        .boxDeltas,
        "\(width) numbers a RoI; 4, or 4 for each of the head's \(scorer.classCount) classes, are expected")
    }
    if let image = features.images.first(where: { $0.rows.count > Int(UInt32.max) / max(1, scorer.classCount) }) {
      throw fault(.features, "image \(image.id): \(image.rows.count) RoIs are too many for one image")
    }
    try Self.checkBoxes(of: features, hasRegressor: regressor != nil)
    try dataset.map { try features.checkImages(areIn: $0) }
    let images = dataset?.images ?? []
    let index = IDIndex(ascending: images.map(\.id))
    // A file without sizes is read as 0 × 0. The boxes of queries are final.
    let isClipped = features.kind == .rois
    sizes = features.images.map { image in
      guard isClipped else { return nil }
      return index.position(of: image.id).map { images[$0] }.flatMap { image in
        image.width > 0 && image.height > 0 ? SIMD2(Float(image.width), Float(image.height)) : nil
      }
    }
    unclippedImageCount = isClipped ? sizes.count { $0 == nil } : 0
    self.features = features
    self.scorer = scorer
    self.regressor = regressor
    self.settings = try settings.resolved(for: features)
  }

  /// Checks that the set has boxes, and that nothing would move those of queries.
  private static func checkBoxes(of features: FeatureSet, hasRegressor: Bool) throws {
    guard features.hasBoxes else { throw features.withoutBoxesError("detections, only scores") }
    guard features.kind == .queries, hasRegressor || features.width(of: .boxDeltas) != nil else { return }
    throw FeatureSetError(
      path: features.path, tensor: FeatureColumn.boxDeltas.rawValue, code: .kind,
      detail: "the boxes of queries are final; box deltas and box regressors are for RoIs")
  }

  /// Goes through the images on all threads.
  ///
  /// The detections do not depend on the number of threads.
  ///
  /// - Parameters:
  ///   - transform: Turns an image's detections into what is wanted of them; on several threads at once.
  ///   - deliver: Takes the results, image after image by ascending id.
  /// - Throws: `FeatureSetError` where a feature or a box delta is not finite; what the closures throw.
  public func forEachImage<Result: Sendable>(
    _ transform: @Sendable (ImageDetections) throws -> Result, deliver: (Result) throws -> Void
  ) throws {
    // Those of the whole set, so that the numbers do not depend on the part.
    let all = chunks()
    let chunks = all[evenSlice(of: all.count, part: share.part, of: share.count)].map { $0 }
    try inOrder(
      count: chunks.count, threads: settings.threads,
      makeWorker: {
        ImageDetector(features: features, scorer: scorer, regressor: regressor, settings: settings, sizes: sizes)
      },
      work: { detector, chunk in try detector.detections(ofImages: chunks[chunk]).map(transform) },
      deliver: { results in for result in results { try deliver(result) } })
  }

  /// Consecutive images with enough RoIs together for a product to run at full speed, but in many pieces, so that no
  /// thread waits long for the last.
  private func chunks() -> [Range<Int>] {
    let block = scorer.rowsAtATime
    let enough = min(4 * block, max(block / 2, features.roiCount / 128))
    var chunks: [Range<Int>] = []
    var start = 0
    var rows = 0
    for (position, image) in features.images.enumerated() {
      rows += image.rows.count
      if rows >= enough || position == features.images.count - 1 {
        chunks.append(start..<position + 1)
        start = position + 1
        rows = 0
      }
    }
    return chunks
  }
}

extension LinearHead {
  /// The detections of a feature set by ascending image id, those of an image by descending score.
  ///
  /// - Parameters:
  ///   - features: The RoIs; where they have no `box_deltas`, the proposals are the boxes.
  ///   - dataset: Gives the sizes of the images, to clip to; `nil` to clip nothing.
  ///   - settings: The thresholds, the box coder and the threads.
  /// - Throws: `FeatureSetError` if features and head do not fit, or a number is not finite.
  public func detections(
    for features: FeatureSet, clippingTo dataset: LVISDataset? = nil, settings: DetectionSettings = DetectionSettings()
  ) throws -> [Detection] {
    let pass = try DetectionPass(features: features, scorer: self, clippingTo: dataset, settings: settings)
    var all: [Detection] = []
    try pass.forEachImage { image in
      image.detections.map { detection in
        Detection(
          imageID: image.imageID, categoryID: groups.members[detection.classIndex].id,
          box: BoundingBox(detection.box), score: Double(detection.score))
      }
    } deliver: {
      all += $0
    }
    return all
  }
}

extension BoundingBox {
  /// The box with the given corners; its size is rounded to single precision, as in a results file.
  public init(_ box: CornerBox) {
    self.init(
      x: Double(box.x1), y: Double(box.y1), width: Double(box.x2 - box.x1), height: Double(box.y2 - box.y1))
  }
}
