import DetectionHeads
import TrainingRuns

/// The detector's own last layer, as it is: every method has to beat it, and trainings start from it.
public struct OwnHead: Sendable {
  /// The classifier of the detector.
  public let head: LinearHead
  /// Its box regressor, where its file has one that places the detections.
  public let boxRegressor: BoxRegressor?
  /// Its regression branch, of a dense detector, where its file has one: trainings of box losses start from it.
  public let boxBranch: BoxBranch?
  /// The file of the head and its fingerprint, by which results are known again.
  public let input: RunRecord.Input

  /// Describes a head.
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - boxRegressor: Its box regressor; `nil` to take the box deltas of the features.
  ///   - boxBranch: The regression branch of a dense detector, which gave the box deltas of its maps; `nil` for none.
  ///   - input: Its file, by which results are known again.
  public init(
    _ head: LinearHead, boxRegressor: BoxRegressor? = nil, boxBranch: BoxBranch? = nil, input: RunRecord.Input
  ) {
    self.head = head
    self.boxRegressor = boxRegressor
    self.boxBranch = boxBranch
    self.input = input
  }

  var trained: TrainedHead { TrainedHead(head, boxRegressor: boxRegressor, boxBranch: boxBranch) }
}
