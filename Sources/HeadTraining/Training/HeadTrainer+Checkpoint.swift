import DetectionHeads
import HeadLosses

extension HeadTrainer {
  /// Everything needed to go on from here.
  public func checkpoint() -> TrainingCheckpoint {
    TrainingCheckpoint(
      stepsTaken: stepsTaken,
      parameters: classifier.parameters + ((boxTrainer?.group ?? branchTrainer?.group)?.parameters ?? [])
        + (adversary?.group.parameters ?? []),
      objectiveState: objective.savedState.merging(boxTrainer?.state ?? branchTrainer?.state ?? [:]) { $1 },
      lineSums: lineSums,
      epochSums: epochSums)
  }

  /// Goes on from a checkpoint of the same training.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if its shapes or steps do not fit.
  public func restore(_ checkpoint: TrainingCheckpoint) throws {
    guard (0...stepCount).contains(checkpoint.stepsTaken),
      checkpoint.lineSums.losses.count == componentNames.count,
      checkpoint.epochSums.losses.count == componentNames.count
    else { throw TrainingError.foreignCheckpoint("its steps or loss are another training's") }
    var restored = classifier
    try restored.restore(from: checkpoint.parameters)
    try adversary?.group.restore(from: checkpoint.parameters)
    try objective.restore(
      savedState: try boxTrainer?.restore(from: checkpoint) ?? branchTrainer?.restore(from: checkpoint)
        ?? checkpoint.objectiveState)
    classifier = restored
    if var own = objective as? any ParameterizedObjective {
      own.parameters = Array(classifier.parameters[headParameterCount...])
      objective = own
    }
    stepsTaken = checkpoint.stepsTaken
    lineSums = checkpoint.lineSums
    epochSums = checkpoint.epochSums
  }
}
