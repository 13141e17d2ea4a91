import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import LVISDatasets

/// A pass over a set of feature maps that turns anchors into detections, as dense detectors do: on every level the scores
/// above a threshold, the best 1,000 of anchors × classes of them; decode, clip, suppress within each class over all levels
/// together, keep the best of each image (torchvision `RetinaNet.postprocess_detections`; detectron2
/// `DenseDetector._decode_multi_level_predictions`; mmdetection `BaseDenseHead._predict_by_feat_single`).
///
/// Boxes are those of a regression branch where one is given, else of the set's `box_deltas`, the anchors themselves where it has none, in pixels of the original image.
/// They are clipped to the image that the detector saw, before suppression or after it, as the set's framework does.
public struct AnchorDetectionPass: ImageDetecting {
  /// The maps that are turned into detections.
  public let maps: FeatureMapSet
  /// The thresholds and the threads of the pass.
  public let settings: DetectionSettings
  /// The anchors of the maps.
  public let anchors: AnchorSettings
  /// The part of the images that is gone through, and the number of parts; all of them by default.
  public var share: (part: Int, count: Int) = (0, 1)
  private let head: LinearHead
  private let boxBranch: BoxBranch?

  /// Checks that maps and head fit together.
  ///
  /// - Parameters:
  ///   - maps: The maps, whose metadata states the anchors.
  ///   - head: A dense head.
  ///   - boxBranch: Gives the box deltas in place of the set's; `nil` to take those.
  ///   - settings: The thresholds and the threads; the rules by which deltas become boxes are those of the set's framework.
  /// - Throws: `LinearHeadError` if the head is none for as many anchors, or the set states none; `FeatureSetError` if the
  ///   maps have another number of channels.
  public init(
    maps: FeatureMapSet, head: LinearHead, boxBranch: BoxBranch? = nil,
    settings: DetectionSettings = DetectionSettings()
  ) throws {
    anchors = try AnchorSettings(
      metadata: maps.metadata, levelCount: maps.levelCount, anchorsPerLocation: maps.anchorsPerLocation, path: maps.path
    )
    guard let count = head.layout.anchorsPerLocation else {
      throw LinearHeadError(
        .unsupported, "\(maps.path) is a set of feature maps; the head is one for RoIs or queries, not a dense one")
    }
    guard count == anchors.anchorsPerLocation else {
      throw LinearHeadError(
        .wrongShape,
        "the head is for \(count) anchors a location, \(maps.path) has \(anchors.anchorsPerLocation)")
    }
    let stated = maps.statedTower
    if boxBranch != nil, stated == 0 {
      throw LinearHeadError(
        .unsupported,
        "\(maps.path) holds the output of a classification tower; a regression branch is for the maps below it")
    }
    let head = head.forMaps(below: stated)
    if let stated, stated > 0, head.isOfDetector, head.tower.count != stated {
      throw LinearHeadError(
        .wrongShape,
        "\(maps.path) holds the maps below \(stated) convolutions and the last one, of which the detector's file has "
          + "\(head.tower.count) below its last")
    }
    if let fault = head.tower.isEmpty ? nil : head.tower.fault(below: head.weight.columns / 9) {
      throw LinearHeadError(.wrongShape, fault)
    }
    if let boxBranch,
      boxBranch.channelCount != maps.channelCount || boxBranch.anchorsPerLocation != anchors.anchorsPerLocation
    {
      throw LinearHeadError(
        .wrongShape,
        "the regression branch takes \(boxBranch.channelCount) channels and \(boxBranch.anchorsPerLocation) anchors a "
          + "location, \(maps.path) has \(maps.channelCount) and \(anchors.anchorsPerLocation)")
    }
    guard head.tower.normGroups != nil, boxBranch == nil || boxBranch?.tower.normGroups != nil else {
      throw LinearHeadError(
        .missingNormGroups, "the detector's file does not say how many groups the GroupNorm of its convolutions has")
    }
    guard head.inputs == 9 * maps.channelCount else {
      throw FeatureSetError(
        path: maps.path, tensor: "features", code: .shape,
        detail: "\(maps.channelCount) channels, the head takes \(head.inputs / 9)")
    }
    let most = maps.images.map(\.locations.count).max() ?? 0
    guard most * count <= Int(UInt32.max) / max(1, head.classCount) else {
      throw FeatureSetError(
        path: maps.path, tensor: "features", code: .shape, detail: "\(most) locations are too many for one image")
    }
    self.maps = maps
    self.head = head
    self.boxBranch = boxBranch
    self.settings = settings
  }

  /// The number of images of the set.
  public var imageCount: Int { maps.images.count }

  /// Goes through the images on all threads.
  ///
  /// The detections do not depend on the number of threads.
  ///
  /// - Parameters:
  ///   - transform: Turns an image's detections into what is wanted of them; on several threads at once.
  ///   - deliver: Takes the results, image after image by ascending id.
  /// - Throws: `FeatureSetError` where a feature or a delta is not finite; what the closures throw.
  public func forEachImage<Result: Sendable>(
    _ transform: @Sendable (ImageDetections) throws -> Result, deliver: (Result) throws -> Void
  ) throws {
    let images = evenSlice(of: maps.images.count, part: share.part, of: share.count)
    let weights = AnchorWeights(head: head, boxBranch: boxBranch, threads: settings.threads)
    try inOrder(
      count: images.count, threads: settings.threads,
      makeWorker: {
        AnchorDetector(
          maps: maps, anchors: anchors, head: head, boxBranch: boxBranch, weights: weights, settings: settings)
      },
      work: { detector, place in try transform(detector.detections(ofImage: images.lowerBound + place)) },
      deliver: deliver)
  }
}

extension LinearHead {
  /// The detections of a dense head on a set of feature maps, by ascending image id, those of an image by descending score.
  ///
  /// - Parameters:
  ///   - maps: The maps.
  ///   - settings: The thresholds and the threads.
  /// - Throws: What ``AnchorDetectionPass`` throws.
  public func detections(
    for maps: FeatureMapSet, settings: DetectionSettings = DetectionSettings()
  ) throws -> [Detection] {
    var all: [Detection] = []
    try AnchorDetectionPass(maps: maps, head: self, settings: settings).forEachImage { image in
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
