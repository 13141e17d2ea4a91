import BalancedGroupSoftmax

/// A calibration with all that it works on.
struct CalibrationJob {
  let method: CalibrationMethod
  /// The parameters that were given, by option name.
  let given: [String: String]
  let input: CalibrationInputs
  let settings: TrainingSettings

  /// Tries values of a parameter on held-out training images.
  func sweep(_ range: SweepRange, holdingOut share: Double) throws -> ParameterSweep {
    guard let source = input.data?.source as? LabelledFeatureSet, let dataset = input.data?.dataset else {
      throw CommandFailure("--sweep scores on training images: give --features and --annotations")
    }
    let heldOut = try HeldOutImages(
      of: source, dataset: dataset, groups: input.head.groups, fraction: share, seed: settings.seed,
      settings: DetectionSettings(threads: settings.threads))
    StandardStreams.note(
      "sweep: \(range.values.count) values of \(range.parameter) on \(grouped(heldOut.features.images.count)) held-out "
        + "training images")
    let progress = ProgressLine("sweep")
    defer { progress.finish() }
    return try ParameterSweep(trying: range.parameter, over: range.values, on: heldOut) { done in
      progress.update(Double(done) / Double(range.values.count), detail: "\(range.parameter)")
    } head: { value in
      let parameters = try MethodParameters(given.merging([range.parameter: SweepRange.text(value)]) { $1 }, of: method)
      var data = CalibrationData(source: heldOut.rest)
      data.settings = settings
      data.hooks.isInterrupted = { Interruption.isPending }
      return try naming { try method(input.head, parameters: parameters, data: data) }
    }
  }

  /// The calibrated head, and the lines of metrics where something was trained.
  func calibrate(_ parameters: MethodParameters) throws -> (LinearHead, [TrainingMetrics]) {
    var lines: [TrainingMetrics] = []
    let progress = ProgressLine(method.name)
    defer { progress.finish() }
    var data = CalibrationData(source: input.data?.source)
    data.settings = settings
    data.hooks.isInterrupted = { Interruption.isPending }
    let batches = ((input.data?.source.imageCount ?? 0) + settings.imagesPerBatch - 1) / settings.imagesPerBatch
    let steps = max(1, batches * parameters.integer("epochs"))
    data.hooks.report = { line in
      lines.append(line)
      progress.update(Double(line.step) / Double(steps), detail: "epoch \(line.epoch + 1)")
    }
    let head = try naming { try method(input.head, parameters: parameters, data: data) }
    return (head, lines)
  }

  /// Puts the file's name before what is wrong with the head.
  private func naming<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as LinearHeadError {
      throw CommandFailure("\(input.named.path): \(error)")
    }
  }
}
