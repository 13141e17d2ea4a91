import Foundation

// The division of a comparison among the processes that carry it out in one folder.

extension Comparison {
  /// What was found so far, by method.
  struct State {
    var cells: [String: [ComparisonCell]] = [:]
    var outcomes: [String: [ComparedResults.Outcome]] = [:]
    var failures: [String: [String]] = [:]
  }

  func tune(
    _ rows: [ComparedMethod], hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> [String: TunedMethod] {
    guard let tuning else { return [:] }
    let data = set.trainingData
    var settings = settings
    settings.seed = seeds.first ?? settings.seed
    let tuner = try Tuner(
      data, settings: settings, plan: tuning, trials: TrialStore(at: "\(folder)/trials"), ownHead: ownHead)
    let rows = rows.filter { $0 != .ownHead && !$0.isMean }
    for warning in tuner.warnings { hooks.finished("warning: \(warning)") }
    for row in rows { meter.expect(tuner.work(of: row)) }
    var tuned: [String: TunedMethod] = [:]
    tuner.yields = true
    var (left, meter) = (rows, meter)
    while !left.isEmpty {
      var taken: [ComparedMethod] = []
      for row in left {
        do {
          let result = try tuner.tune(row, hooks: hooks, meter: meter)
          tuned[row.description] = result
          hooks.finished("\(row): \(result.summary)")
        } catch is WorkTakenError {
          taken.append(row)
        }
      }
      if taken.count == left.count { try WorkClaims.wait(hooks) }
      left = taken
      // What is looked up once more was counted before.
      meter = WorkMeter(ComparisonHooks())
    }
    return tuned
  }

  /// Calls `body` with the cells of every seed, those that others need before those that need them.
  func forEachWave(
    _ rows: [ComparedMethod], tuned: [String: TunedMethod], state: inout State,
    _ body: ([ComparisonCell], inout State) throws -> Void
  ) throws {
    for seed in seeds {
      for depth in 0...(rows.map(\.bases.count).max() ?? 0) {
        var cells: [ComparisonCell] = []
        for row in rows where row.bases.count == depth {
          let base = row.base.flatMap { state.cells[$0.description]?.last }
          let cell = try ComparisonCell(
            row, tuned: tuned[row.description], settings: settings, seed: seed, base: base,
            members: row.members.compactMap { state.cells[$0.description]?.last }, own: ownHead,
            data: set.trainingData, folder: "\(folder)/runs")
          cells.append(cell)
          state.cells[row.description, default: []].append(cell)
        }
        try body(cells, &state)
      }
    }
  }

  var claims: WorkClaims { WorkClaims(at: "\(folder)/claims") }

  /// Goes once through all cells, and works at those that are not done and that no other process has.
  ///
  /// - Parameter counted: The cells whose work was counted as done, by name.
  /// - Returns: Whether there may be more to do.
  func workAtWhatIsFree(
    _ rows: [ComparedMethod], tuned: [String: TunedMethod], counted: inout Set<String>, hooks: ComparisonHooks,
    meter: WorkMeter
  ) throws -> Bool {
    var (isLeft, hasWorked) = (false, false)
    // Those that failed, and those that need them.
    var hopeless: Set<String> = []
    var state = State()
    // Larger than memory, the set is read once for all cells of a wave.
    let isStreamed = set.source.featureByteCount > settings.memoryLimit
    try forEachWave(rows, tuned: tuned, state: &state) { cells, _ in
      var mine: [(cell: ComparisonCell, claim: WorkClaims.Claim)] = []
      var due: [ComparisonCell] = []
      defer { for (_, claim) in mine { claim.release() } }
      for cell in cells {
        if try isDone(cell) {
          if counted.insert(cell.claimName).inserted { meter.discount(ownWork(of: cell.method) + scoringWork) }
          continue
        }
        if claims.failure(of: cell.claimName) != nil || cell.needs.contains(where: { hopeless.contains($0.path) }) {
          hopeless.insert(cell.run.path)
          continue
        }
        isLeft = true
        guard cell.isTrained || cell.hasBase, let claim = try claims.claim(cell.claimName) else { continue }
        mine.append((cell, claim))
        if try isDone(cell) || claims.failure(of: cell.claimName) != nil { continue }
        due.append(cell)
        counted.insert(cell.claimName)
        hasWorked = true
        if !isStreamed {
          try work(at: [cell], hooks: hooks, meter: meter)
          mine.removeLast()
          claim.release()
        }
      }
      if isStreamed { try work(at: due, hooks: hooks, meter: meter) }
    }
    if isLeft, !hasWorked { try WorkClaims.wait(hooks) }
    return isLeft
  }

  /// Whether a cell is trained and scored.
  func isDone(_ cell: ComparisonCell) throws -> Bool {
    let digest = try set.validationDigest()
    return try cell.isTrained && cell.savedMetrics(digest: digest) != nil
      && (replicateCount == 0 || cell.savedReplicates(digest: digest, count: replicateCount) != nil)
      && (!keepsDetections || cell.hasDetections(digest: digest))
  }
}
