/// A pass over a set that gives the detections of one image after another.
public protocol ImageDetecting: Sendable {
  /// The number of images of the set.
  var imageCount: Int { get }

  /// The part of the images that is gone through, from 0, and the number of parts. Detections do not depend on it.
  var share: (part: Int, count: Int) { get set }

  /// Goes through the images of the part on all threads.
  ///
  /// The detections do not depend on the number of threads.
  ///
  /// - Parameters:
  ///   - transform: Turns an image's detections into what is wanted of them; on several threads at once.
  ///   - deliver: Takes the results, image after image by ascending id.
  /// - Throws: `FeatureSetError` where a number of the set is not finite; what the closures throw.
  func forEachImage<Result: Sendable>(
    _ transform: @Sendable (ImageDetections) throws -> Result, deliver: (Result) throws -> Void) throws
}

extension DetectionPass: ImageDetecting {
  /// The number of images of the set.
  public var imageCount: Int { features.images.count }
}
