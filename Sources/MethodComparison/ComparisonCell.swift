import DenseLinearAlgebra
import DetectionHeads
import DurableFiles
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import LVISEvaluation
import TrainingRuns

/// One method with one seed: what is trained, scored and kept on its own.
struct ComparisonCell {
  /// As it was asked for.
  let method: ComparedMethod
  /// With what tuning picked.
  let picked: ComparedMethod
  /// How that was picked; `nil` where it was not.
  let tuning: TuningRecord?
  /// What is trained; of a calibration, how its head was.
  let training: TrainingRecipe
  /// What is done to the head of its base; `nil` where it is trained itself.
  let calibration: CalibrationWork?
  /// With which groups.
  let groups: CategoryGroups
  /// The run of the head that it needs.
  let base: RunFolder?
  /// Its run.
  let run: RunFolder

  var seed: UInt64 { training.settings.seed }

  init(
    _ method: ComparedMethod, tuned: TunedMethod?, settings: TrainingSettings, seed: UInt64,
    base: ComparisonCell?, set: ComparisonSet, folder: String
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
    settings.learningRate = picked.learningRate ?? settings.learningRate
    self.method = method
    self.picked = picked
    tuning = tuned?.record
    self.base = base?.run
    training = try picked.training(with: settings)
    groups = try picked.groups(of: set.groups)
    calibration = try picked.calibration.map { try CalibrationWork($0, settings: settings) }
    let start = base.map { ($0.run.path as NSString).lastPathComponent }
    let key: ResultKey
    if let calibration {
      key = try ResultKey(
        "run", calibration, groups: groups, source: set.source, inputs: set.trainingInputs, start: start)
    } else {
      key = try ResultKey(
        "run", training, groups: groups, source: set.source, inputs: set.trainingInputs, start: start)
    }
    let name = method.description.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" }
    run = RunFolder(at: "\(folder)/\(String(name))-seed\(seed)-\(try key.digest())")
  }

  /// Whether its head is there.
  var isTrained: Bool { FileManager.default.fileExists(atPath: run.headPath) }

  /// Whether the head that it needs is there.
  var hasBase: Bool { base.map { FileManager.default.fileExists(atPath: $0.headPath) } ?? true }

  /// What it came to; `nil` if it was not scored as it is to be.
  ///
  /// - Parameter mark: Of what it is scored on.
  func savedMetrics(mark: String) throws -> [String: Double]? {
    let path = run.evaluationPath
    guard isTrained, FileManager.default.fileExists(atPath: path) else { return nil }
    guard let saved = try? EvaluationDocument(contentsOf: path), saved.comparisonMark == mark else { return nil }
    return saved.metricsByName
  }

  /// Keeps what it came to, as `bags evaluate` writes it.
  func save(_ result: EvaluationResult, mark: String) throws {
    var document = EvaluationDocument(result)
    document.comparisonMark = mark
    try document.write(to: run.evaluationPath)
  }

  /// Prepares its training, from its last checkpoint where there is one.
  func startTraining(of set: ComparisonSet, program: String) throws -> CellTraining {
    if FileManager.default.fileExists(atPath: run.partialPath), let resumed = try? RunWriter.resuming(run.path) {
      let trainer = try trainer(on: set)
      if let checkpoint = resumed.checkpoint { try trainer.restore(checkpoint) }
      return CellTraining(cell: self, trainer: trainer, writer: resumed.writer)
    }
    let trainer = try trainer(on: set)
    let writer = try RunWriter(
      at: run.path, record: try record(of: set, program: program), groups: groups, replacing: true)
    return CellTraining(cell: self, trainer: trainer, writer: writer)
  }

  /// Calibrates the head of its base; there are no checkpoints, since it takes a fraction of a training.
  func calibrate(
    _ work: CalibrationWork, of set: ComparisonSet, program: String, hooks: ComparisonHooks, meter: WorkMeter
  ) throws {
    guard let base else { return }
    let writer = try RunWriter(
      at: run.path, record: try record(of: set, program: program), groups: groups, replacing: true)
    let start = ContinuousClock.now
    var step = 0
    var loss = 0.0
    var training = TrainingHooks()
    training.isInterrupted = hooks.isInterrupted
    training.report = { metrics in
      try writer.append(metrics)
      meter.add(Double(metrics.step - step), "\(method), seed \(seed)")
      (step, loss) = (metrics.step, metrics.loss)
    }
    do {
      let head = try work.head(
        from: try LinearHead(contentsOf: base.headPath), source: set.source, hooks: training)
      try writer.complete(
        head: head, result: .init(seconds: (ContinuousClock.now - start) / .seconds(1), steps: step, loss: loss))
    } catch {
      writer.discard()
      throw error
    }
  }

  private func record(of set: ComparisonSet, program: String) throws -> RunRecord {
    var inputs = set.trainingInputs
    if let base {
      let use = calibration == nil && picked.needsMiningHead ? "mining-head" : "init"
      inputs[use] = try RunRecord.Input(path: base.headPath)
    }
    var record = RunRecord(
      program: program, created: Date(), method: training.method.name, methodParameters: training.parameters.values,
      settings: training.settings, inputs: inputs, roiCount: set.source.features.roiCount,
      imageCount: set.source.imageCount, featureCount: set.source.featureCount, blasKernels: OpenBLAS.kernels)
    record.sampler = training.sampler
    record.mining = training.mining
    record.calibration = calibration.map { MethodChoice(name: $0.method.name, parameters: $0.parameters.values) }
    record.tuning = tuning
    if picked.boundaries != nil { record.inputs["groups"] = nil }
    if record.inputs["groups"] == nil { record.groupBoundaries = GroupBoundaries.counts(groups.boundaries).description }
    return record
  }

  private func trainer(on set: ComparisonSet) throws -> HeadTrainer {
    try training.trainer(
      on: set.source, groups: groups, imageCount: set.training.images.count,
      startingFrom: method.earlierHeads(try base.map { try LinearHead(contentsOf: $0.headPath) }))
  }
}
