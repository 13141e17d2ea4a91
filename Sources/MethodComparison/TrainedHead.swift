import DetectionHeads
import HeadTraining
import TensorFiles
import TrainingRuns

/// A head, and what was trained beside it to place its detections, if anything was.
struct TrainedHead {
  var head: LinearHead
  var boxRegressor: BoxRegressor?
  /// The regression branch of a dense head.
  var boxBranch: BoxBranch?

  init(_ head: LinearHead, boxRegressor: BoxRegressor? = nil, boxBranch: BoxBranch? = nil) {
    self.head = head
    self.boxRegressor = boxRegressor
    self.boxBranch = boxBranch
  }

  /// What a trainer has come to.
  init(_ trainer: HeadTrainer) {
    self.init(trainer.head, boxRegressor: trainer.boxRegressor, boxBranch: trainer.boxBranch)
  }

  /// Reads what a run trained.
  ///
  /// - Throws: The readers' errors if the head file is damaged.
  init(of run: RunFolder) throws {
    head = try LinearHead(contentsOf: run.headPath)
    let file = try openTensors(at: run.headPath)
    boxRegressor = try BoxRegressor(ifIn: file, groups: head.groups)
    boxBranch = head.layout.anchorsPerLocation == nil ? nil : try BoxBranch(ifIn: file)
  }

  /// The same boxes with another head.
  func with(_ head: LinearHead) -> TrainedHead {
    var result = self
    result.head = head
    return result
  }

  /// What places its detections; `nil` for the box deltas of the features. A detector's own branch gave those of its maps.
  var boxes: BoxPlacement? {
    boxRegressor.map { .regressor($0) } ?? (head.isOfDetector ? nil : boxBranch.map { .branch($0) })
  }
}

extension PrerequisiteHeads {
  /// Takes what places the detections of a head that is calibrated, which stays as it is.
  mutating func keepBoxes(of trained: TrainedHead) {
    boxRegressor = trained.boxRegressor
    boxBranch = trained.boxBranch
  }
}
