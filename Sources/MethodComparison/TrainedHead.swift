import DetectionHeads
import HeadTraining
import TensorFiles
import TrainingRuns

/// A head, and the box regressor that was trained beside it, if one was.
struct TrainedHead {
  var head: LinearHead
  var boxRegressor: BoxRegressor?

  init(_ head: LinearHead, boxRegressor: BoxRegressor? = nil) {
    self.head = head
    self.boxRegressor = boxRegressor
  }

  /// What a trainer has come to.
  init(_ trainer: HeadTrainer) { self.init(trainer.head, boxRegressor: trainer.boxRegressor) }

  /// Reads what a run trained.
  ///
  /// - Throws: The readers' errors if the head file is damaged.
  init(of run: RunFolder) throws {
    head = try LinearHead(contentsOf: run.headPath)
    boxRegressor = try BoxRegressor(ifIn: openTensors(at: run.headPath), groups: head.groups)
  }
}
