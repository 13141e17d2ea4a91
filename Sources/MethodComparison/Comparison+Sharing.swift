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
      data, settings: settings, plan: tuning, trials: TrialStore(at: "\(folder)/trials", share: share), ownHead: ownHead
    )
    let rows = rows.filter { $0 != .ownHead && !$0.isMean }
    for warning in tuner.warnings { hooks.finished("warning: \(warning)") }
    for row in rows { meter.expect(tuner.work(of: row)) }
    var tuned: [String: TunedMethod] = [:]
    tuner.yields = true
    var (left, meter) = (rows, meter)
    while !left.isEmpty {
      var taken: [ComparedMethod] = []
      for row in left {
        tuner.isMine = holds(row, seed: 0)
        do {
          let result = try tuner.tune(row, hooks: hooks, meter: meter)
          tuned[row.description] = result
          hooks.finished("\(row): \(result.summary)")
        } catch is WorkTakenError {
          taken.append(row)
        }
      }
      // The other parts may come later.
      if share != nil { break }
      if taken.count == left.count { try WorkClaims.wait(hooks) }
      left = taken
      // What is looked up once more was counted before.
      meter = WorkMeter(ComparisonHooks())
    }
    return tuned
  }

  /// The rows whose settings are known, and those of all that they need.
  func rowsWithSettings(among rows: [ComparedMethod], tuned: [String: TunedMethod]) -> [ComparedMethod] {
    if tuning == nil { return rows }
    var known: [ComparedMethod] = []
    for row in rows where row == .ownHead || row.isMean || tuned[row.description] != nil {
      if row.bases.allSatisfy(known.contains) { known.append(row) }
    }
    return known
  }

  /// Whether a row is in this process's part; all are where nothing is divided beforehand. What is tuned, calibrated or
  /// trained further goes with what it needs.
  ///
  /// - Parameter seed: The place of the seed among the seeds.
  private func holds(_ row: ComparedMethod, seed: Int) -> Bool {
    guard let share else { return true }
    let root = row.bases.first { $0 != .ownHead } ?? row
    let place = methodsAndBases.filter { !$0.bases.contains { $0 != .ownHead } }.firstIndex(of: root) ?? 0
    // One head, whatever the seed.
    let isOneRun = tuning != nil || row == .ownHead
    return share.holds(place * (tuning == nil ? seeds.count : 1) + (isOneRun ? 0 : seed))
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

  var claims: WorkClaims { WorkClaims(at: "\(folder)/claims", share: share) }

  /// What going once through all cells came to.
  private enum Pass {
    case nothingLeft
    case worked
    /// All that is left is other processes'.
    case taken
    /// Something of this process's waits for what others have.
    case blocked
  }

  /// Works at all cells until none is left, or none that is in this process's part.
  func work(
    at rows: [ComparedMethod], tuned: [String: TunedMethod], hooks: ComparisonHooks, meter: WorkMeter
  ) throws {
    var counted: Set<String> = []
    var waits = 0
    while true {
      switch try workAtWhatIsFree(rows, tuned: tuned, counted: &counted, hooks: hooks, meter: meter) {
      case .nothingLeft: return
      case .worked: waits = 0
      case .taken where share != nil: return
      // The head that it needs may take the part that has it a moment, or that part may come later.
      case .blocked where share != nil && waits == 50: return
      case .taken, .blocked:
        waits += 1
        try WorkClaims.wait(hooks)
      }
    }
  }

  /// - Throws: ``OtherPartsLeft`` unless every cell is done.
  func checkOtherParts(
    of rows: [ComparedMethod], known: [ComparedMethod], tuned: [String: TunedMethod]
  ) throws {
    var state = State()
    var doneCount = 0
    try forEachWave(known, tuned: tuned, state: &state) { cells, _ in
      for cell in cells where try isDone(cell) || claims.failure(of: cell.claimName) != nil { doneCount += 1 }
    }
    let total = rows.count * seeds.count
    if doneCount < total { throw OtherPartsLeft(doneCount: doneCount, totalCount: total) }
  }

  /// Goes once through all cells, and works at those that are not done and that no other process has.
  ///
  /// - Parameter counted: The cells whose work was counted as done, by name.
  private func workAtWhatIsFree(
    _ rows: [ComparedMethod], tuned: [String: TunedMethod], counted: inout Set<String>, hooks: ComparisonHooks,
    meter: WorkMeter
  ) throws -> Pass {
    var isBlocked = false
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
        let isMine = holds(cell.method, seed: seeds.firstIndex(of: cell.seed) ?? 0)
        guard cell.isTrained || cell.hasBase else {
          isBlocked = isBlocked || isMine
          continue
        }
        guard let claim = try claims.claim(cell.claimName, isMine: isMine) else { continue }
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
    if !isLeft { return .nothingLeft }
    return hasWorked ? .worked : isBlocked ? .blocked : .taken
  }

  /// Whether a cell is trained and scored.
  func isDone(_ cell: ComparisonCell) throws -> Bool {
    let digest = try set.validationDigest()
    return try cell.isTrained && cell.savedMetrics(digest: digest) != nil
      && (replicateCount == 0 || cell.savedReplicates(digest: digest, count: replicateCount) != nil)
      && (!keepsDetections || cell.hasDetections(digest: digest))
  }
}
