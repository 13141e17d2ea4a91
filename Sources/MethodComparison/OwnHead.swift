import DetectionHeads
import TrainingRuns

/// The detector's own last layer, as it is: what every method has to beat, and what trainings start from.
public struct OwnHead: Sendable {
  /// The head.
  public let head: LinearHead
  /// Its box regressor, where its file has one that places the detections.
  public let boxRegressor: BoxRegressor?
  /// Its file.
  public let input: RunRecord.Input

  /// Describes a head.
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - boxRegressor: Its box regressor; `nil` to take the box deltas of the features.
  ///   - input: Its file, by which results are known again.
  public init(_ head: LinearHead, boxRegressor: BoxRegressor? = nil, input: RunRecord.Input) {
    self.head = head
    self.boxRegressor = boxRegressor
    self.input = input
  }

  var trained: TrainedHead { TrainedHead(head, boxRegressor: boxRegressor) }
}
