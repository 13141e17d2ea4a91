import DenseLinearAlgebra
import DetectionHeads
import Foundation
import LVISDatasets

/// Thresholds and limits by which scores and boxes become detections.
public struct DetectionSettings: Sendable, Hashable {
  /// The score above which a class is a candidate; 1e-4 by default.
  public var scoreThreshold: Float
  /// The IoU above which a box suppresses lower-scored ones of its class; .5 by default.
  public var suppressionIoU: Double
  /// The detections kept of an image, by score over all classes; 300 by default.
  public var maximumPerImage: Int
  /// The least width and height in pixels: boxes below it, once clipped, are left out before suppression; 0 by default
  /// (torchvision: .01).
  public var minimumSize: Float
  /// The best candidates that are kept of each level of feature maps; 1,000 by default. RoIs and queries have no levels.
  public var candidatesPerLevel: Int
  /// What holds for a set of queries in place of the thresholds above.
  public var queries: QueryDetectionSettings
  /// The rules by which deltas become boxes.
  public var boxCoder: BoxCoder
  /// The threads to work on, by default one for each processor; the result does not depend on it.
  public var threads: Int

  /// Whether the best class alone of each example becomes a detection, as for detectors whose classes exclude each other;
  /// `false` by default. A set of queries may say otherwise.
  package var takesBestClass = false

  /// Makes settings; what is not stated is as usual for LVIS.
  public init(
    scoreThreshold: Float = 1e-4, suppressionIoU: Double = 0.5, maximumPerImage: Int = 300,
    minimumSize: Float = 0, candidatesPerLevel: Int = 1000,
    queries: QueryDetectionSettings = QueryDetectionSettings(), boxCoder: BoxCoder = BoxCoder(),
    threads: Int = DefaultThreads.count
  ) {
    self.scoreThreshold = scoreThreshold
    self.suppressionIoU = suppressionIoU
    self.maximumPerImage = maximumPerImage
    self.minimumSize = minimumSize
    self.candidatesPerLevel = candidatesPerLevel
    self.queries = queries
    self.boxCoder = boxCoder
    self.threads = threads
  }
}

/// The detections of one image.
public struct ImageDetections: Sendable, Hashable {
  /// One detection: a box, a class and a score.
  public struct Detection: Sendable, Hashable {
    /// The box, clipped to the image where its size is known.
    public let box: CornerBox
    /// The score of the class, above the threshold.
    public let score: Float
    /// The index of its class by ascending category id.
    public let classIndex: Int
    /// The row of its RoI in the feature set.
    public let row: Int
  }

  /// The image's id.
  public let imageID: Int
  /// The detections of the image by descending score.
  public let detections: [Detection]
  /// The number of the image's examples whose classes were scored: those that could change the detections.
  public let scoredCount: Int
}
