import BalancedGroupSoftmax
import Foundation

/// Trains, detects and scores on the synthetic set, each method in the same way.
struct DemoExperiment {
  /// A head that is trained, and its name in tables and folders.
  struct Row {
    let name: String
    let method: ComparedMethod
    /// The head that it starts from; `nil` for random weights.
    var start: LinearHead?

    /// The published recipes, which the figures compare.
    static let published = [TrainingMethod.softmax, .bags].map {
      Row(name: $0.name, method: ComparedMethod(MethodChoice(name: $0.name)))
    }
  }

  /// The head of a row, and its metrics.
  struct Outcome {
    let name: String
    let learningRate: Double
    let head: LinearHead
    let result: EvaluationResult
  }

  let set: SyntheticDetectionSet
  /// Where the data lie and the runs go.
  let staging: DemoFolder
  /// Where both will stand in the end.
  let final: DemoFolder

  private let groups: CategoryGroups
  private let source: LabelledFeatureSet
  private let evaluator: LVISEvaluator

  init(set: SyntheticDetectionSet, staging: DemoFolder, final: DemoFolder) throws {
    self.set = set
    self.staging = staging
    self.final = final
    groups = try CategoryGroups(counts: set.training.dataset.categoryCounts())
    let features = try FeatureSet(at: staging.trainingFeatures)
    guard let labels = try features.labels(categoryIDs: groups.members.map(\.id)) else {
      throw CommandFailure("\(features.path): has no labels")
    }
    source = try LabelledFeatureSet(features, labels: labels)
    var options = EvaluationOptions()
    options.groups = groups
    options.keepsCurves = true
    evaluator = try LVISEvaluator(groundTruth: set.validation.dataset, options: options)
  }

  /// The rows at learning rates of their own, picked on held-out training images: both methods, and softmax on
  /// class-balanced images from the head that the detector has.
  func tunedRows(own: LinearHead) throws -> [Row] {
    var plan = TuningPlan(epochs: 4)
    plan.rateTrialCount = 5
    plan.splitCount = 1
    let path = staging.run(TrainingMethod.softmax.name).headPath
    let tuner = try Tuner(
      TuningData(source: source, dataset: set.training.dataset, groups: groups), settings: settings, plan: plan,
      ownHead: OwnHead(own, input: try RunRecord.Input(path: path)))
    let progress = ProgressLine("fair learning rates")
    defer { progress.finish() }
    func row(_ name: String, _ method: ComparedMethod, start: LinearHead? = nil) throws -> Row {
      var hooks = ComparisonHooks()
      hooks.isInterrupted = { Interruption.isPending }
      hooks.progress = { progress.update($0, detail: $1) }
      return Row(name: name, method: try tuner.tune(method, hooks: hooks).picked, start: start)
    }
    var balanced = ComparedMethod(
      MethodChoice(name: TrainingMethod.softmax.name), sampler: MethodChoice(name: "class-balanced"))
    balanced.start = .ownHead
    return try Row.published.map { try row("\($0.name)-tuned", $0.method) }
      + [row("softmax+class-balanced", balanced, start: own)]
  }

  private var settings: TrainingSettings {
    var settings = TrainingSettings()
    settings.seed = set.seed
    settings.threads = DefaultThreads.count
    return settings
  }

  /// Runs the path for one row; its run folder holds the head, `results.json` and `evaluation.json`.
  func run(_ row: Row) throws -> Outcome {
    let head = try train(row)
    let run = staging.run(row.name).path
    let results = "\(run)/results.json"
    let pass = try DetectionPass(
      features: FeatureSet(at: staging.validationFeatures), scorer: head, clippingTo: set.validation.dataset,
      settings: DetectionSettings())
    let count = try pass.writeResults(to: results, categoryIDs: head.groups.members.map(\.id)).detections
    var analyses = EvaluationAnalyses()
    analyses.confusion = true
    let findings = try evaluator.findings(resultsAt: results, analyses: analyses)
    try EvaluationDocument(findings, groups: groups).write(to: staging.run(row.name).evaluationPath)
    StandardStreams.note(
      "\(row.name): \(grouped(count)) detections, AP \(NumberText.percent(findings.result["AP"]))")
    return Outcome(
      name: row.name, learningRate: row.method.learningRate ?? settings.learningRate, head: head,
      result: findings.result)
  }

  private func train(_ row: Row) throws -> LinearHead {
    let recipe = try row.method.recipe(settings)
    let trainer = try recipe.trainer(
      on: source, groups: groups, imageCount: set.training.dataset.images.count,
      startingFrom: PrerequisiteHeads(initial: row.start))
    var inputs = try inputs()
    if row.start != nil {
      inputs["init"] = try input(
        staging.run(TrainingMethod.softmax.name).headPath, final.run(TrainingMethod.softmax.name).headPath)
    }
    let session = try RunSession.begin(
      at: staging.run(row.name).path,
      record: RunRecord(of: recipe, on: source, inputs: inputs, program: Program.name), groups: groups)
    let progress = ProgressLine(row.name)
    var hooks = TrainingHooks()
    hooks.report = { metrics in
      progress.update(
        Double(metrics.step) / Double(trainer.stepCount),
        detail: "epoch \(metrics.epoch + 1)/\(settings.epochs)  loss \(String(format: "%.3f", metrics.loss))")
    }
    try session.train(trainer, hooks)
    progress.finish()
    let result = try session.finish(trainer.head, steps: trainer.stepsTaken)
    StandardStreams.note(
      "\(row.name): \(grouped(trainer.stepsTaken)) steps in \(ProgressLine.duration(result.seconds)), loss "
        + String(format: "%.3f", result.loss))
    return trainer.head
  }

  /// The data as they will stand in the end, so that the run can be repeated from its record.
  private func inputs() throws -> [String: RunRecord.Input] {
    [
      "features": try input(staging.trainingFeatures, final.trainingFeatures),
      "annotations": try input(staging.trainingAnnotations, final.trainingAnnotations),
    ]
  }

  private func input(_ staged: String, _ path: String) throws -> RunRecord.Input {
    var input = try RunRecord.Input(path: staged)
    input.path = path
    return input
  }
}
