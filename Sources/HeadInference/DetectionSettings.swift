import DenseLinearAlgebra
import DetectionHeads
import Foundation
import LVISDatasets

/// How scores and boxes become detections.
public struct DetectionSettings: Sendable, Hashable {
  /// A class is a candidate where it scores above this.
  public var scoreThreshold: Float
  /// Boxes of a class whose IoU is strictly above it suppress each other.
  public var suppressionIoU: Double
  /// The detections kept of an image, by score over all classes.
  public var maximumPerImage: Int
  /// Boxes that are narrower or lower, once clipped, are left out before suppression (torchvision: .01; others: 0).
  public var minimumSize: Float
  /// How deltas become boxes.
  public var boxCoder: BoxCoder
  /// The threads to work on; the result does not depend on it.
  public var threads: Int

  /// LVIS's usual settings: scores above 1e-4, IoU .5, 300 an image.
  public init(
    scoreThreshold: Float = 1e-4, suppressionIoU: Double = 0.5, maximumPerImage: Int = 300,
    minimumSize: Float = 0, boxCoder: BoxCoder = BoxCoder(),
    threads: Int = DefaultThreads.count
  ) {
    self.scoreThreshold = scoreThreshold
    self.suppressionIoU = suppressionIoU
    self.maximumPerImage = maximumPerImage
    self.minimumSize = minimumSize
    self.boxCoder = boxCoder
    self.threads = threads
  }
}

/// The detections of one image.
public struct ImageDetections: Sendable, Hashable {
  /// One detection.
  public struct Detection: Sendable, Hashable {
    /// Its box, clipped to the image where that is known.
    public let box: CornerBox
    /// Its score.
    public let score: Float
    /// The index of its class by ascending category id.
    public let classIndex: Int
    /// The RoI that it comes from, its row in the feature set.
    public let row: Int
  }

  /// The image's id.
  public let imageID: Int
  /// By descending score.
  public let detections: [Detection]
}
