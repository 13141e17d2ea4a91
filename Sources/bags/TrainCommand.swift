import ArgumentParser
import DenseLinearAlgebra
import DetectionHeads
import Foundation
import LVISDatasets

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a classifier's last layer on cached RoI features.",
    discussion: """
      The run is written to runs/NAME (--output): head.safetensors, groups.json, run.json with every setting, and \
      metrics.jsonl; runs/latest points to the newest. Without --features it trains on the built-in synthetic set.

      The learning rate is used as given. It scales linearly with the batch: .01 is for 16 images a batch; with \
      --images-per-batch 32 give .02.

      EXAMPLES
        bags train
        bags train --features features/train --annotations lvis_v1_train.json
        bags train --features features/train --groups groups.json --method softmax --output runs/baseline
        bags train --features features/train --annotations train.json --init detector_head.safetensors
      """)

  @OptionGroup(title: "Input") var input: TrainingInputOptions

  @Option(help: .init("How to train: \(TrainingMethod.all.map(\.name).joined(separator: ", ")).", valueName: "name"))
  var method = "bags"

  @OptionGroup(title: "Method") var methodOptions: MethodOptions
  @OptionGroup(title: "Recipe") var recipe: RecipeOptions

  @Option(help: .init("Where the run goes (default: runs/METHOD-TIME).", valueName: "folder"))
  var output: String?

  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func validate() throws {
    if TrainingMethod.named(method) == nil {
      let known = TrainingMethod.all.map(\.name)
      let hint = closest(to: method, among: known).map { "; did you mean \($0)?" } ?? ""
      throw ValidationError("there is no method '\(method)', only \(known.joined(separator: ", "))\(hint)")
    }
  }

  func run() throws {
    guard let method = TrainingMethod.named(method) else { return }
    let path = output ?? "runs/\(method.name)-\(Self.timestamp())"
    try overwrite.check(path)
    let data = try input.load()
    for warning in data.warnings { StandardStreams.warn(warning) }
    let settings = recipe.settings
    let objective = method.objective(data.groups, methodOptions.parameters)
    var generator = SeededGenerator(seed: settings.seed)
    var head = LinearHead(
      inputs: data.source.featureCount, layout: objective.layout, groups: data.groups, method: method.name,
      using: &generator)
    if let initial = input.initialHead { try copyClasses(from: initial, into: &head) }
    let trainer = try HeadTrainer(head: head, objective: objective, source: data.source, settings: settings)
    let record = RunRecord(
      program: "bags \(Bags.version)", created: Date(), method: method.name,
      methodParameters: method.describe(methodOptions.parameters), settings: settings, inputs: data.inputs,
      roiCount: data.roiCount, imageCount: data.source.imageCount, featureCount: data.source.featureCount,
      openBLASKernels: OpenBLAS.kernels)
    describe(data, method: method, trainer: trainer)
    let writer = try RunWriter(at: path, record: record, groups: data.groups)
    do {
      let result = try train(trainer, writer: writer)
      try writer.complete(head: trainer.head, result: result)
      try report(result, trainer: trainer, path: path)
    } catch {
      writer.discard()
      throw error
    }
  }

  private func copyClasses(from path: String, into head: inout LinearHead) throws {
    let file = RunFolder.headPath(for: path)
    do {
      try head.copyClasses(from: try LinearHead(contentsOf: file, groups: head.groups))
    } catch let error as LinearHeadError {
      throw CommandFailure(error.description.hasPrefix(file) ? error.description : "\(file): \(error)")
    }
  }

  private func train(_ trainer: HeadTrainer, writer: RunWriter) throws -> RunRecord.Result {
    let start = ContinuousClock.now
    let progress = ProgressLine("epoch")
    let loss = try trainer.run { metrics in
      try writer.append(metrics)
      progress.update(Double(metrics.step) / Double(trainer.stepCount), detail: summary(of: metrics, trainer: trainer))
    }
    progress.finish()
    return RunRecord.Result(
      seconds: seconds(ContinuousClock.now - start), steps: trainer.stepsTaken, loss: loss)
  }

  private func summary(of metrics: TrainingMetrics, trainer: HeadTrainer) -> String {
    let parts = trainer.componentNames.map { String(format: "%@ %.3f", $0, metrics.losses[$0] ?? 0) }
    return String(
      format: "%d/%d  loss %.3f (%@)  %@ RoIs/s", metrics.epoch + 1, trainer.settings.epochs, metrics.loss,
      parts.joined(separator: " "), grouped(Int(metrics.roisPerSecond)))
  }

  private func describe(_ data: TrainingInputs, method: TrainingMethod, trainer: HeadTrainer) {
    StandardStreams.note(
      "\(method.name): \(grouped(data.roiCount)) RoIs of \(grouped(data.source.imageCount)) images, "
        + "\(data.source.featureCount) features, \(grouped(data.groups.classCount)) classes, "
        + "\(grouped(trainer.head.bias.count)) logits, \(grouped(trainer.stepCount)) steps")
  }

  private func report(_ result: RunRecord.Result, trainer: HeadTrainer, path: String) throws {
    let roisPerSecond = Double(result.steps) / max(result.seconds, 1e-9) * Double(trainer.meanBatchCount)
    if format.isJSON {
      try printJSON(
        TrainingSummary(
          run: path, method: method, steps: result.steps, loss: result.loss, seconds: result.seconds,
          rois_per_second: roisPerSecond))
    } else {
      StandardStreams.result(
        String(
          format: "%@: %@ steps in %@ (%@ RoIs/s), loss %.4f in the last epoch", path, grouped(result.steps),
          ProgressLine.duration(result.seconds), grouped(Int(roisPerSecond)), result.loss))
    }
  }

  private static func timestamp() -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat = "yyyyMMdd-HHmmss"
    return formatter.string(from: Date())
  }
}

/// What `bags train --format json` prints.
private struct TrainingSummary: Encodable {
  var run: String
  var method: String
  var steps: Int
  var loss: Double
  var seconds: Double
  var rois_per_second: Double
}
