import BalancedGroupSoftmax

/// A calibration with all that it works on.
struct CalibrationJob {
  let input: CalibrationInputs

  /// Tries values of a parameter on held-out training images.
  func sweep(
    _ range: SweepRange, of method: MethodChoice, settings: TrainingSettings, holdingOut share: Double
  ) throws -> ParameterSweep {
    guard let source = input.data?.source as? any LabelledImages, let dataset = input.data?.dataset else {
      throw CommandFailure("--sweep scores on training images: give --features and --annotations")
    }
    let heldOut = try HeldOutImages(
      of: source, dataset: dataset, groups: input.head.groups, fraction: share, seed: settings.seed,
      settings: DetectionSettings(threads: settings.threads))
    StandardStreams.note(
      "sweep: \(range.values.count) values of \(range.parameter) on \(grouped(heldOut.features.imageCount)) held-out "
        + "training images")
    let progress = ProgressLine("sweep")
    defer { progress.finish() }
    var hooks = TrainingHooks()
    hooks.isInterrupted = { Interruption.isPending }
    return try ParameterSweep(trying: range.parameter, over: range.values, on: heldOut) { done in
      progress.update(Double(done) / Double(range.values.count), detail: "\(range.parameter)")
    } head: { value in
      if Interruption.isPending { throw CommandFailure("interrupted") }
      var method = method
      method.parameters[range.parameter] = settingText(value)
      let recipe = try CalibrationRecipe(method, settings: settings)
      return try naming { try recipe.calibrate(input.head, on: heldOut.rest, hooks: hooks) }
    }
  }

  /// Calibrates the head in a run.
  ///
  /// - Parameters:
  ///   - recipe: The calibration.
  ///   - makeSession: Begins the run, or goes on with it; called when it is known that the head can be calibrated.
  /// - Returns: The calibrated head, and the run.
  func calibrate(
    _ recipe: CalibrationRecipe, _ makeSession: () throws -> RunSession
  ) throws -> (head: LinearHead, session: RunSession) {
    let source = input.data?.source
    let trainer = try naming { try recipe.trainer(for: input.head, on: source) }
    let session = try makeSession()
    let progress = ProgressLine(recipe.method.name)
    defer { progress.finish() }
    do {
      if let trainer {
        try session.restore(trainer)
        var hooks = TrainingHooks()
        hooks.isInterrupted = { Interruption.isPending }
        hooks.report = { line in
          progress.update(Double(line.step) / Double(trainer.stepCount), detail: "epoch \(line.epoch + 1)")
        }
        try session.train(trainer, hooks)
      }
      let head = try session.timed {
        try naming { try recipe.head(from: input.head, trained: trainer?.head, on: source) }
      }
      try session.finish(
        head, boxRegressor: input.boxRegressor, boxBranch: input.boxBranch, steps: trainer?.stepsTaken ?? 0)
      return (head, session)
    } catch {
      if !session.hasCheckpoint { session.discard() }
      throw session.adding(resumptionTo: error)
    }
  }

  /// Puts the file's name before what is wrong with the head.
  private func naming<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as LinearHeadError {
      throw error.inFile(input.path)
    }
  }
}
