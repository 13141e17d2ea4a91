/// Why detections could not be scored.
public struct EvaluationError: Error, CustomStringConvertible {
  /// What is wrong.
  public enum Reason: Sendable, Equatable {
    /// A detection in an image that the ground truth does not hold.
    case unknownImage(Int)
    /// A score or a coordinate that is infinite or no number.
    case notFinite(field: String)
    /// An image was added twice to an incremental evaluation.
    case imageAddedTwice(Int)
    /// Options that contradict themselves.
    case options(String)
  }

  /// What is wrong.
  public let reason: Reason
  /// The position of the detection at fault, from 0, in the order that they were given.
  public let detection: Int?

  init(_ reason: Reason, detection: Int? = nil) {
    self.reason = reason
    self.detection = detection
  }

  /// One line.
  public var description: String {
    let place = detection.map { "detection \($0): " } ?? ""
    switch reason {
    case .unknownImage(let id): return "\(place)image_id \(id) is not among the images of the ground truth"
    case .notFinite(let field): return "\(place)\(field) is not finite"
    case .imageAddedTwice(let id): return "\(place)image \(id) was added before; add each image once, whole"
    case .options(let text): return text
    }
  }
}
