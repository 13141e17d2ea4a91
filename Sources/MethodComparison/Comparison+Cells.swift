import DetectionHeads
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import LVISEvaluation

// The training and the scoring of cells that this process has.

extension Comparison {
  /// Trains and scores cells of one seed that nobody else works at; keeps why they fail.
  func work(at cells: [ComparisonCell], hooks: ComparisonHooks, meter: WorkMeter) throws {
    let due = cells.filter { cell in
      if cell.isTrained { meter.discount(ownWork(of: cell.method)) }
      return !cell.isTrained
    }
    if let ownHead { for cell in due where cell.method == .ownHead { try cell.keep(ownHead, program: program) } }
    var failures = try train(
      due.filter { $0.calibration == nil && $0.training != nil }, hooks: hooks, meter: meter)
    for cell in due {
      do {
        if let work = cell.calibration {
          try cell.calibrate(work, on: set.trainingData, program: program, hooks: hooks, meter: meter)
        } else if cell.method.isMean {
          try cell.average(program: program)
        }
      } catch TrainingError.diverged(let step) {
        failures.append((cell, TrainingError.diverged(step: step).description))
      } catch let error where error is LinearHeadError || error is MethodParameterError || error is TrainingRecipeError
      {
        failures.append((cell, "\(error)"))
      }
    }
    for (cell, failure) in failures { try claims.fail(cell.claimName, failure) }
    for cell in cells where cell.isTrained { _ = try score(cell, hooks: hooks, meter: meter) }
  }

  /// Puts what a cell came to beside the others.
  func collect(_ cell: ComparisonCell, into state: inout State) throws {
    let name = cell.method.description
    // One head, whatever the seed.
    if cell.method == .ownHead, state.outcomes[name] != nil { return }
    if cell.isTrained {
      let outcome = try score(cell, hooks: ComparisonHooks(), meter: WorkMeter(ComparisonHooks()))
      state.outcomes[name, default: []].append(outcome)
    } else if let failure = claims.failure(of: cell.claimName) {
      state.failures[name, default: []].append("seed \(cell.seed): \(failure)")
    }
  }

  /// Trains cells; returns what is wrong with those that diverged.
  func train(
    _ cells: [ComparisonCell], hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> [(ComparisonCell, String)] {
    guard set.source.featureByteCount > settings.memoryLimit else {
      // One after the other: what is finished is there the sooner.
      return try cells.flatMap { try trainInTurns([$0], stepsATurn: Int.max, hooks: hooks, meter: meter) }
    }
    let batchBytes = set.source.featureByteCount / stepsPerEpoch
    return try trainInTurns(
      cells, stepsATurn: max(1, settings.memoryLimit / 8 / max(1, batchBytes)), hooks: hooks, meter: meter)
  }

  /// Trains cells in turns, the one that is furthest behind first.
  func trainInTurns(
    _ cells: [ComparisonCell], stepsATurn: Int, hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> [(ComparisonCell, String)] {
    var failures: [(ComparisonCell, String)] = []
    var running: [CellSession] = []
    for cell in cells {
      guard let training = cell.training else { continue }
      do {
        running.append(try cell.startTraining(training, on: set.trainingData, own: ownHead, program: program))
      } catch let error as InitialHeadError {
        failures.append((cell, "it cannot start from the given head: \(error)"))
        meter.discount(ownWork(of: cell.method))
      }
    }
    for training in running { meter.discount(Double(training.trainer.stepsTaken)) }
    while let behind = running.min(by: { $0.trainer.stepsTaken < $1.trainer.stepsTaken }) {
      let taken = behind.trainer.stepsTaken
      let end = stepsATurn == .max ? behind.trainer.stepCount : (taken / stepsATurn + 1) * stepsATurn
      do {
        try behind.run(upTo: end, hooks: hooks, meter: meter)
        if behind.isFinished { running.removeAll { $0 === behind } }
      } catch TrainingError.diverged(let step) {
        failures.append((behind.cell, TrainingError.diverged(step: step).description))
        running.removeAll { $0 === behind }
      } catch TrainingError.interrupted(let step) {
        for other in running where other !== behind { try other.save() }
        throw TrainingError.interrupted(step: step)
      }
    }
    return failures
  }

  func score(
    _ cell: ComparisonCell, hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> ComparedResults.Outcome {
    let digest = try set.validationDigest()
    var metrics = try cell.savedMetrics(digest: digest)
    var replicates = try cell.savedReplicates(digest: digest, count: replicateCount)
    let lacksDetections = keepsDetections && !cell.hasDetections(digest: digest)
    if metrics == nil || (replicates == nil && replicateCount > 0) || lacksDetections {
      let trained = try TrainedHead(of: cell.run)
      let scored: ScoredDetections
      if lacksDetections {
        var detections = DetectionColumns()
        scored = try set.score(trained.head, boxes: trained.boxes, keeping: &detections)
        try cell.save(detections, digest: digest)
      } else {
        scored = try set.score(trained.head, boxes: trained.boxes)
      }
      if replicateCount > 0 {
        let drawn = set.replicates(of: scored, count: replicateCount)
        try cell.save(drawn, digest: digest)
        replicates = drawn
      }
      try cell.save(scored.result, digest: digest)
      metrics = scored.result.metricsByName
      meter.add(scoringWork, "\(cell.name): scored")
      hooks.finished("\(cell.name): AP \(fixed(100 * (scored.result["AP"] ?? -1)))")
    } else {
      meter.discount(scoringWork)
    }
    return ComparedResults.Outcome(
      seed: cell.seed, run: cell.run, metrics: metrics ?? [:], seconds: try cell.run.record().result?.seconds ?? 0,
      replicates: replicateCount > 0 ? replicates : nil)
  }
}

/// A percentage with two decimals.
private func fixed(_ value: Double) -> String { String(format: "%.2f", value) }
