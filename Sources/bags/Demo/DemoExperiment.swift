import BalancedGroupSoftmax
import Foundation

/// Trains, detects and scores on the synthetic set, each method in the same way.
struct DemoExperiment {
  /// What a method came to.
  struct Outcome {
    let method: TrainingMethod
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

  /// Runs the path for one method; its run folder holds the head, `results.json` and `evaluation.json`.
  func run(_ method: TrainingMethod) throws -> Outcome {
    let head = try train(method)
    let run = staging.run(method).path
    let results = "\(run)/results.json"
    let pass = try DetectionPass(
      features: FeatureSet(at: staging.validationFeatures), scorer: head, clippingTo: set.validation.dataset,
      settings: DetectionSettings())
    let count = try pass.writeResults(to: results, categoryIDs: head.groups.members.map(\.id))
    var analyses = EvaluationAnalyses()
    analyses.confusion = true
    let findings = try evaluator.findings(resultsAt: results, analyses: analyses)
    try EvaluationDocument(findings, groups: groups).write(to: staging.run(method).evaluationPath)
    StandardStreams.note(
      "\(method.name): \(grouped(count)) detections, AP \(NumberText.percent(findings.result["AP"]))")
    return Outcome(method: method, head: head, result: findings.result)
  }

  private func train(_ method: TrainingMethod) throws -> LinearHead {
    var settings = TrainingSettings()
    settings.seed = set.seed
    settings.threads = ProcessInfo.processInfo.activeProcessorCount
    let recipe = TrainingRecipe(
      try chosen(method.name, of: TrainingMethod.self, parameters: [:]), settings: settings)
    let trainer = try recipe.trainer(
      on: source, groups: groups, imageCount: set.training.dataset.images.count)
    let session = try RunSession.begin(
      at: staging.run(method).path,
      record: RunRecord(of: recipe, on: source, inputs: try inputs(), program: Program.name), groups: groups)
    let progress = ProgressLine(method.name)
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
      "\(method.name): \(grouped(trainer.stepsTaken)) steps in \(ProgressLine.duration(result.seconds)), loss "
        + String(format: "%.3f", result.loss))
    return trainer.head
  }

  /// The data as they will stand in the end, so that the run can be repeated from its record.
  private func inputs() throws -> [String: RunRecord.Input] {
    func input(_ staged: String, _ path: String) throws -> RunRecord.Input {
      var input = try RunRecord.Input(path: staged)
      input.path = path
      return input
    }
    return [
      "features": try input(staging.trainingFeatures, final.trainingFeatures),
      "annotations": try input(staging.trainingAnnotations, final.trainingAnnotations),
    ]
  }
}
