import HeadTraining
import TrainingRuns

extension Race {
  /// Trains the winner of a race on all training images.
  ///
  /// The run of a row that is trained is an ordinary one. The parts of a mean, and what else the winner needs, are runs of
  /// their own in `PATH.race/runs`; what is there already is not done again, and what was interrupted goes on.
  ///
  /// - Parameters:
  ///   - result: The race's result.
  ///   - path: Where the run goes; what stands there is replaced.
  ///   - program: The program and its version, for the records.
  ///   - hooks: What happens meanwhile.
  /// - Throws: `TrainingError.interrupted` with checkpoints saved; what training and writing throw.
  public func train(
    _ result: Result, at path: String, program: String, hooks: ComparisonHooks = ComparisonHooks()
  ) throws {
    let winner = result.winner
    let rows = winner.bases + [winner]
    let meter = WorkMeter(hooks)
    let steps = settings.stepsPerEpoch(imageCount: set.source.imageCount)
    for row in rows { meter.expect(Double(steps * (try row.ownEpochs(settings)))) }
    var cells: [String: ComparisonCell] = [:]
    for row in rows {
      var cell = try ComparisonCell(
        row, settings: settings, seed: settings.seed, base: row.base.flatMap { cells[$0.description] },
        members: row.members.compactMap { cells[$0.description] }, own: ownHead, data: set, folder: "\(path).race/runs",
        at: row == winner ? path : nil)
      if row == winner { cell.race = result.record }
      if row == winner || !cell.isTrained {
        try cell.makeHead(on: set, own: ownHead, program: program, hooks: hooks, meter: meter)
      } else {
        meter.discount(Double(steps * (try row.ownEpochs(settings))))
      }
      cells[row.description] = cell
    }
  }
}

extension ComparisonCell {
  /// Trains, calibrates, averages or keeps its head, whatever it is made by.
  fileprivate func makeHead(
    on data: TuningData, own: OwnHead?, program: String, hooks: ComparisonHooks, meter: WorkMeter
  ) throws {
    if let calibration {
      try calibrate(calibration, on: data, program: program, hooks: hooks, meter: meter)
    } else if let training {
      let session = try startTraining(training, on: data, own: own, program: program)
      meter.discount(Double(session.trainer.stepsTaken))
      try session.run(hooks: hooks, meter: meter)
    } else if picked.isMean {
      try average(program: program)
    } else if let own {
      try keep(own, program: program)
    }
  }
}
