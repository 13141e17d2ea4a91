import DetectionHeads
import DurableFiles
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import LVISEvaluation
import TensorFiles
import TrainingRuns

/// One method with one seed: what is trained, scored and kept on its own.
struct ComparisonCell {
  /// As it was asked for.
  let method: ComparedMethod
  /// With what tuning picked.
  let picked: ComparedMethod
  /// How that was picked; `nil` where it was not.
  let tuning: TuningRecord?
  /// How the race was run that chose it; `nil` where it was asked for.
  var race: RaceRecord?
  /// What is trained; of a calibration, how its head was; `nil` of the detector's own head and of a mean.
  let training: TrainingRecipe?
  /// What is done to the head of its base; `nil` where it is trained itself.
  let calibration: CalibrationRecipe?
  /// With which groups.
  let groups: CategoryGroups
  /// The run of the head that it needs.
  let base: RunFolder?
  /// The file of the detector's own head, where it starts from that.
  private let start: RunRecord.Input?
  /// The runs of the heads that it averages; none where it is trained itself.
  let members: [RunFolder]
  /// Its run.
  let run: RunFolder

  /// The seed of its training; of the detector's own head, that of the comparison.
  let seed: UInt64

  /// Prepares a cell.
  ///
  /// - Parameters:
  ///   - base: The cell of the head that it needs.
  ///   - members: The cells whose heads it averages.
  ///   - folder: Where its run goes, under a name by which it is known again.
  ///   - path: Where its run goes instead.
  init(
    _ method: ComparedMethod, tuned: TunedMethod? = nil, settings: TrainingSettings, seed: UInt64,
    base: ComparisonCell?, members: [ComparisonCell] = [], own: OwnHead?, data: TuningData, folder: String,
    at path: String? = nil
  ) throws {
    var picked = tuned?.picked ?? method
    if picked.isMean { picked = .mean(of: members.map(\.picked)) }
    if picked.calibration != nil, let base {
      // What is calibrated is the base's head as it was picked.
      let calibration = picked.calibration
      picked = base.picked
      picked.calibration = calibration
    }
    var settings = settings
    settings.seed = seed
    self.method = method
    self.picked = picked
    tuning = tuned?.record
    self.base = base?.run
    self.members = members.map(\.run)
    self.seed = seed
    training = try picked.isOwnHead || picked.isMean ? nil : picked.recipe(settings, on: data.source)
    groups = try picked.groups(of: data.groups)
    calibration = try picked.calibration.map { try CalibrationRecipe($0, settings: settings) }
    let origin = base.map { ($0.run.path as NSString).lastPathComponent }
    let key: ResultKey
    if picked.isMean {
      key = try ResultKey(
        "run", meanOf: members.map { ($0.run.path as NSString).lastPathComponent }, groups: groups, source: data.source,
        inputs: data.inputs)
    } else if let calibration {
      key = try ResultKey(
        "run", calibration, groups: groups, source: data.source, inputs: data.inputs, start: origin)
    } else if let training {
      key = try ResultKey(
        "run", training, groups: groups, source: data.source, inputs: data.inputs, start: origin)
    } else {
      guard let own else {
        throw ComparisonError(.missingHead, "\(method): give the detector's head that it stands for")
      }
      key = try ResultKey("run", of: own, groups: groups, source: data.source)
    }
    let name = method.description.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" }
    let seedName = picked == .ownHead ? "" : "-seed\(seed)"
    start = base?.picked == .ownHead ? own?.input : nil
    run = RunFolder(at: try path ?? "\(folder)/\(String(name.prefix(100)))\(seedName)-\(try key.digest())")
  }

  /// What it is called while it is worked on.
  var name: String { picked == .ownHead ? "the detector's own head" : "\(picked), seed \(seed)" }

  /// Whether its head is there.
  var isTrained: Bool { FileManager.default.fileExists(atPath: run.headPath) }

  /// The runs whose heads it needs.
  var needs: [RunFolder] { (base.map { [$0] } ?? []) + members }

  /// Whether the heads that it needs are there.
  var hasBase: Bool { needs.allSatisfy { FileManager.default.fileExists(atPath: $0.headPath) } }

  /// By what it is claimed: the name of its run.
  var claimName: String { (run.path as NSString).lastPathComponent }

  /// Its saved metrics; `nil` if it was not scored, or on other validation data.
  ///
  /// - Parameter digest: Of what it is to be scored on, and how.
  func savedMetrics(digest: String) throws -> [String: Double]? {
    guard isTrained, FileManager.default.fileExists(atPath: run.evaluationPath),
      let saved = try? EvaluationDocument(contentsOf: run.evaluationPath), saved.comparisonMark == digest
    else { return nil }
    return saved.metricsByName
  }

  /// Keeps its metrics, as `bags evaluate` writes them.
  func save(_ result: EvaluationResult, digest: String) throws {
    var document = EvaluationDocument(result)
    document.comparisonMark = digest
    try document.write(to: run.evaluationPath)
  }

  /// Its saved replicates; `nil` if there are none of that kind.
  func savedReplicates(digest: String, count: Int) throws -> MetricReplicates? {
    guard count > 0, isTrained, FileManager.default.fileExists(atPath: run.replicatesPath) else { return nil }
    return try? MetricReplicates(contentsOf: run.replicatesPath, mark: digest, count: count)
  }

  /// Keeps replicates of its metrics.
  func save(_ replicates: MetricReplicates, digest: String) throws {
    try replicates.write(to: run.replicatesPath, mark: digest)
  }

  /// Whether its detections on the same validation data are kept.
  func hasDetections(digest: String) -> Bool {
    guard isTrained, FileManager.default.fileExists(atPath: run.detectionsPath) else { return false }
    return (try? SafetensorsFile(at: run.detectionsPath))?.metadata[Self.markName] == digest
  }

  /// Keeps its detections.
  func save(_ detections: DetectionColumns, digest: String) throws {
    try detections.writeTensors(to: run.detectionsPath, metadata: [Self.markName: digest])
  }

  private static let markName = "mark"

  // MARK: Training and calibrating

  /// Prepares its training, from its last checkpoint where there is one.
  func startTraining(
    _ training: TrainingRecipe, on data: TuningData, own: OwnHead?, program: String
  ) throws -> CellSession {
    let trainer = try training.trainer(
      on: data.source, groups: groups, imageCount: data.imageCount,
      startingFrom: method.prerequisites(try base.map { try TrainedHead(of: $0) }, own: own?.trained))
    let session = try session(of: trainer, try record(of: training, on: data, program: program))
    return CellSession(self, trainer: trainer, session: session)
  }

  /// Keeps the detector's own head beside the others.
  func keep(_ own: OwnHead, program: String) throws {
    var record = RunRecord(of: own.head, from: own.input, program: program)
    record.race = race
    try finish(record) { own.trained }
  }

  /// Averages the heads of its members.
  ///
  /// - Throws: `LinearHeadError` where they do not go together.
  func average(program: String) throws {
    let head = try LinearHead.mean(of: members.map { try TrainedHead(of: $0).head }, groups: groups)
    var record = try RunRecord(
      meanOf: members.map { ($0.headPath, try $0.record()) }, method: head.method, program: program)
    record.race = race
    try finish(record) { TrainedHead(head) }
  }

  /// Makes a run of a head that takes no training.
  private func finish(_ record: RunRecord, _ head: () throws -> TrainedHead) throws {
    let session = try RunSession.begin(at: run.path, record: record, groups: groups, replacing: true)
    do {
      let made = try session.timed(head)
      try session.finish(made.head, boxRegressor: made.boxRegressor, boxBranch: made.boxBranch)
    } catch {
      session.discard()
      throw error
    }
  }

  /// Calibrates the head of its base, from its last checkpoint where it trains and there is one.
  func calibrate(
    _ calibration: CalibrationRecipe, on data: TuningData, program: String, hooks: ComparisonHooks, meter: WorkMeter
  ) throws {
    guard let base else { return }
    let start = try TrainedHead(of: base)
    let record = try record(of: calibration, base: base, start: start.head, data: data, program: program)
    if let trainer = try calibration.trainer(for: start.head, on: data.source) {
      let session = try session(of: trainer, record)
      meter.discount(Double(trainer.stepsTaken))
      try CellSession(self, trainer: trainer, session: session) { trained in
        start.with(try calibration.head(from: start.head, trained: trained.head))
      }.run(hooks: hooks, meter: meter)
    } else {
      try finish(record) {
        start.with(try calibration.head(from: start.head, on: data.source))
      }
    }
  }

  /// Goes on with the run where it can, else begins it anew.
  private func session(of trainer: HeadTrainer, _ record: RunRecord) throws -> RunSession {
    if let session = try? RunSession.resume(run.path) {
      let begun = session.record
      if begun.recipe == record.recipe, begun.calibration == record.calibration,
        begun.inputs.mapValues(\.fingerprint) == record.inputs.mapValues(\.fingerprint)
      {
        try session.restore(trainer)
        return session
      }
      session.discard()
    }
    return try RunSession.begin(at: run.path, record: record, groups: groups, replacing: true)
  }

  private func record(of training: TrainingRecipe, on data: TuningData, program: String) throws -> RunRecord {
    var inputs = data.inputs
    if picked.boundaries != nil { inputs["groups"] = nil }
    if let base {
      inputs[picked.needsMiningHead ? "mining-head" : "init"] = try start ?? RunRecord.Input(path: base.headPath)
    }
    var record = RunRecord(
      of: training, on: data.source, inputs: inputs,
      groupBoundaries: inputs["groups"] == nil ? GroupBoundaries.counts(groups.boundaries).description : nil,
      program: program)
    record.tuning = tuning
    record.race = race
    return record
  }

  private func record(
    of calibration: CalibrationRecipe, base: RunFolder, start: LinearHead, data: TuningData, program: String
  ) throws -> RunRecord {
    var record = try RunRecord(
      of: calibration, on: start, at: base.headPath, trainedBy: base.record(), source: data.source, program: program)
    record.tuning = tuning
    record.race = race
    return record
  }
}
