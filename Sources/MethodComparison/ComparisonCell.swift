import DetectionHeads
import DurableFiles
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
  /// What is trained; of a calibration, how its head was; `nil` of the detector's own head.
  let training: TrainingRecipe?
  /// What is done to the head of its base; `nil` where it is trained itself.
  let calibration: CalibrationRecipe?
  /// With which groups.
  let groups: CategoryGroups
  /// The run of the head that it needs.
  let base: RunFolder?
  /// Its run.
  let run: RunFolder

  /// The seed of its training; of the detector's own head, that of the comparison.
  let seed: UInt64

  init(
    _ method: ComparedMethod, tuned: TunedMethod?, settings: TrainingSettings, seed: UInt64,
    base: ComparisonCell?, own: OwnHead?, set: ComparisonSet, folder: String
  ) throws {
    var picked = tuned?.picked ?? method
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
    self.seed = seed
    training = try picked.isOwnHead ? nil : picked.recipe(settings)
    groups = try picked.groups(of: set.groups)
    calibration = try picked.calibration.map { try CalibrationRecipe($0, settings: settings) }
    let start = base.map { ($0.run.path as NSString).lastPathComponent }
    let key: ResultKey
    if let calibration {
      key = try ResultKey(
        "run", calibration, groups: groups, source: set.source, inputs: set.trainingInputs, start: start)
    } else if let training {
      key = try ResultKey(
        "run", training, groups: groups, source: set.source, inputs: set.trainingInputs, start: start)
    } else {
      guard let own else {
        throw ComparisonError(.missingHead, "\(method): give the detector's head that it stands for")
      }
      key = try ResultKey("run", of: own, groups: groups, source: set.source)
    }
    let name = method.description.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" }
    let seedName = picked == .ownHead ? "" : "-seed\(seed)"
    run = RunFolder(at: "\(folder)/\(String(name))\(seedName)-\(try key.digest())")
  }

  /// What it is called while it is worked on.
  var name: String { picked == .ownHead ? "the detector's own head" : "\(picked), seed \(seed)" }

  /// Whether its head is there.
  var isTrained: Bool { FileManager.default.fileExists(atPath: run.headPath) }

  /// Whether the head that it needs is there.
  var hasBase: Bool { base.map { FileManager.default.fileExists(atPath: $0.headPath) } ?? true }

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
    _ training: TrainingRecipe, of set: ComparisonSet, own: OwnHead?, program: String
  ) throws -> CellSession {
    let trainer = try training.trainer(
      on: set.source, groups: groups, imageCount: set.training.images.count,
      startingFrom: method.prerequisites(try base.map { try TrainedHead(of: $0) }, own: own?.trained))
    let session = try session(of: trainer, try record(of: training, on: set, program: program))
    return CellSession(self, trainer: trainer, session: session)
  }

  /// Keeps the detector's own head beside the others.
  func keep(_ own: OwnHead, program: String) throws {
    let session = try RunSession.begin(
      at: run.path, record: RunRecord(of: own.head, from: own.input, program: program), groups: groups, replacing: true)
    do {
      try session.finish(own.head, boxRegressor: own.boxRegressor)
    } catch {
      session.discard()
      throw error
    }
  }

  /// Calibrates the head of its base, from its last checkpoint where it trains and there is one.
  func calibrate(
    _ calibration: CalibrationRecipe, of set: ComparisonSet, program: String, hooks: ComparisonHooks, meter: WorkMeter
  ) throws {
    guard let base else { return }
    let start = try TrainedHead(of: base)
    let record = try record(of: calibration, base: base, start: start.head, set: set, program: program)
    if let trainer = try calibration.trainer(for: start.head, on: set.source) {
      let session = try session(of: trainer, record)
      meter.discount(Double(trainer.stepsTaken))
      try CellSession(self, trainer: trainer, session: session) { trained in
        TrainedHead(
          try calibration.head(from: start.head, trained: trained.head), boxRegressor: start.boxRegressor)
      }.run(hooks: hooks, meter: meter)
    } else {
      let session = try RunSession.begin(at: run.path, record: record, groups: groups, replacing: true)
      do {
        let head = try session.timed { try calibration.head(from: start.head, on: set.source) }
        try session.finish(head, boxRegressor: start.boxRegressor)
      } catch {
        session.discard()
        throw error
      }
    }
  }

  /// Goes on with the run where it can, else begins it anew.
  private func session(of trainer: HeadTrainer, _ record: RunRecord) throws -> RunSession {
    guard let session = try? RunSession.resume(run.path) else {
      return try RunSession.begin(at: run.path, record: record, groups: groups, replacing: true)
    }
    try session.restore(trainer)
    return session
  }

  private func record(of training: TrainingRecipe, on set: ComparisonSet, program: String) throws -> RunRecord {
    var inputs = set.trainingInputs
    if picked.boundaries != nil { inputs["groups"] = nil }
    if let base { inputs[picked.needsMiningHead ? "mining-head" : "init"] = try RunRecord.Input(path: base.headPath) }
    var record = RunRecord(
      of: training, on: set.source, inputs: inputs,
      groupBoundaries: inputs["groups"] == nil ? GroupBoundaries.counts(groups.boundaries).description : nil,
      program: program)
    record.tuning = tuning
    return record
  }

  private func record(
    of calibration: CalibrationRecipe, base: RunFolder, start: LinearHead, set: ComparisonSet, program: String
  ) throws -> RunRecord {
    var record = try RunRecord(
      of: calibration, on: start, at: base.headPath, trainedBy: base.record(), source: set.source, program: program)
    record.tuning = tuning
    return record
  }
}
