import HeadLosses
import HeadTraining
import LVISDatasets

extension RunRecord {
  /// A setting as the command line has it.
  public struct Option: Sendable, Equatable {
    /// The option's name, without dashes before it.
    public let name: String
    /// Its value as a word.
    public let value: String

    /// Makes a setting.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Every setting as an option of `bags train`, in the order of its help: given all of them, the same version of the
  /// program trains the same head. Of a calibrated head as options of `bags calibrate`, beside the head itself.
  public var options: [Option] {
    if let calibration { return options(of: calibration) }
    var list = [Option("method", method)]
    list += inputs.sorted { $0.key < $1.key }.map { Option($0.key, $0.value.path) }
    if let groupBoundaries { list.append(Option("groups", groupBoundaries)) }
    list += methodParameters.sorted { $0.key < $1.key }.map { Option($0.key, Self.trimmed($0.value)) }
    for (kind, choice) in [("sampler", sampler), ("mining", mining)] {
      guard let choice else { continue }
      list.append(Option(kind, choice.name))
      list += choice.parameters.sorted { $0.key < $1.key }.map { Option($0.key, Self.trimmed($0.value)) }
    }
    if let boxes {
      list.append(Option("box-loss", boxes.loss.name))
      list += boxes.loss.parameters.sorted { $0.key < $1.key }.map { Option($0.key, Self.trimmed($0.value)) }
      list += [
        Option("box-classes", boxes.classes.rawValue), Option("box-targets", boxes.convention.rawValue),
        Option("box-loss-weight", Self.trimmed("\(boxes.lossWeight)")),
      ]
    }
    return list + (architecture?.options ?? []) + settings.options
  }

  private func options(of calibration: MethodChoice) -> [Option] {
    let files = ["annotations", "features"].compactMap { name in inputs[name].map { Option(name, $0.path) } }
    let parameters = calibration.parameters.sorted { $0.key < $1.key }.map { Option($0.key, Self.trimmed($0.value)) }
    return [Option("method", calibration.name)] + files + parameters
      + settings.options.filter { ["images-per-batch", "seed", "threads", "memory-limit"].contains($0.name) }
  }

  /// The settings that are not what `bags train` takes by itself; inputs, threads and memory are left out.
  public var unusualOptions: [Option] {
    let own =
      calibration.map { CalibrationMethod.named($0.name)?.parameters ?? [] }
      ?? TrainingMethod.named(method)?.parameters ?? []
    let sampling = sampler.flatMap { ImageSamplingMethod.named($0.name) }?.parameters ?? []
    let choosing = mining.flatMap { RoIMiningMethod.named($0.name) }?.parameters ?? []
    let regressing = boxes.flatMap { BoxLossMethod.named($0.loss.name) }?.parameters ?? []
    let usual =
      (own + sampling + choosing + regressing).map { Option($0.name, Self.trimmed($0.defaultValue)) }
      + TrainingSettings().options
      + [
        Option("groups", GroupBoundaries.usual.description), Option("box-classes", "agnostic"),
        Option("box-targets", "standard"), Option("box-loss-weight", "1"),
      ]
    let passedOver = Set(inputs.keys).union(["method", "threads", "memory-limit"])
    return options.filter { !passedOver.contains($0.name) && !usual.contains($0) }
  }

  /// A number without a fraction that says nothing: `8`, not `8.0`.
  fileprivate static func trimmed(_ number: String) -> String {
    number.hasSuffix(".0") ? String(number.dropLast(2)) : number
  }
}

extension HeadArchitecture {
  /// The architecture as options; none for one linear layer.
  var options: [RunRecord.Option] {
    func list(_ name: String, _ values: [String]) -> RunRecord.Option { .init(name, values.joined(separator: ",")) }
    return (hidden.isEmpty ? [] : [list("hidden", hidden.map(String.init))])
      + (stageCount == 1 ? [] : [list("stage-weights", stageWeights.map { RunRecord.trimmed("\($0)") })])
  }
}

extension TrainingSettings {
  /// The recipe as options, in the order of the help.
  var options: [RunRecord.Option] {
    [
      .init("epochs", "\(epochs)"), .init("images-per-batch", "\(imagesPerBatch)"),
      .init("learning-rate", "\(learningRate)"),
      .init("milestones", milestones.map(String.init).joined(separator: ",")), .init("warmup-steps", "\(warmupSteps)"),
      .init("gradient-clip", gradientClip.map { RunRecord.trimmed("\($0)") } ?? "0"), .init("momentum", "\(momentum)"),
      .init("weight-decay", "\(weightDecay)"), .init("seed", "\(seed)"), .init("threads", "\(threads)"),
      .init("memory-limit", "\(memoryLimit)"),
    ]
  }
}
