import HeadLosses
import HeadTraining
import LVISDatasets

extension RunRecord {
  /// A setting as the command line has it.
  public struct Option: Sendable, Equatable {
    /// The option's name, without dashes before it.
    public let name: String
    /// The value as a word.
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
    let files = inputs.sorted { $0.key < $1.key }.map { Option($0.key, $0.value.path) }
    if let calibration {
      let named = Self.options("method", calibration.method)
      // In their place between the name and the parameters.
      return named.prefix(1) + files.filter { ["annotations", "features"].contains($0.name) } + named.dropFirst()
        + calibration.settings.options.filter { Self.optionsOfCalibration.contains($0.name) }
    }
    guard let recipe else { return files }
    let named = Self.options("method", recipe.method)
    var list = named.prefix(1) + files
    if let groupBoundaries { list.append(Option("groups", groupBoundaries)) }
    list += named.dropFirst()
    if let sampler = recipe.sampler { list += Self.options("sampler", sampler) }
    if let mining = recipe.mining { list += Self.options("mining", mining) }
    if let boxes = recipe.boxes {
      list += Self.options("box-loss", boxes.loss)
      list += [
        Option("box-classes", boxes.classes.rawValue), Option("box-targets", boxes.convention.rawValue),
        Option("box-loss-weight", settingText(boxes.lossWeight)),
      ]
    }
    if let adversary = recipe.adversary { list += Self.options("adversary", adversary) }
    if recipe.matching != .ids { list.append(Option("match", recipe.matching.rawValue)) }
    if let normalizer = recipe.normalizer { list.append(Option("normalizer", normalizer.rawValue)) }
    return list + recipe.architecture.options + recipe.settings.options
  }

  private static let optionsOfCalibration = ["images-per-batch", "seed", "threads", "memory-limit"]

  /// What was chosen, then its parameters by name.
  private static func options(_ kind: String, _ choice: MethodChoice) -> [Option] {
    [Option(kind, choice.name)]
      + choice.parameters.sorted { $0.key < $1.key }.map { Option($0.key, settingText($0.value)) }
  }

  /// The settings that are not what `bags train` or `bags calibrate` takes by itself; inputs, threads and memory are left
  /// out.
  public var nonDefaultOptions: [Option] {
    func parameters<Method: NamedMethod>(of choice: MethodChoice?, _ kind: Method.Type) -> [MethodParameter] {
      choice.flatMap { Method.named($0.name) }?.parameters ?? []
    }
    let own =
      calibration.map { parameters(of: $0.method, CalibrationMethod.self) }
      ?? parameters(of: recipe?.method, TrainingMethod.self)
      + parameters(of: recipe?.sampler, ImageSamplingMethod.self) + parameters(of: recipe?.mining, RoIMiningMethod.self)
      + parameters(of: recipe?.boxes?.loss, BoxLossMethod.self)
      + parameters(of: recipe?.adversary, AdversaryMethod.self)
    let defaults =
      own.map { Option($0.name, settingText($0.defaultValue)) } + TrainingSettings().options
      + [
        Option("groups", GroupBoundaries.usual.description), Option("box-classes", "agnostic"),
        Option("box-targets", "standard"), Option("box-loss-weight", "1"), Option("normalizer", "positives"),
      ]
    let passedOver = Set(inputs.keys).union(["method", "threads", "memory-limit"])
    return options.filter { !passedOver.contains($0.name) && !defaults.contains($0) }
  }
}

extension HeadArchitecture {
  /// The architecture as options; none for one linear layer.
  var options: [RunRecord.Option] {
    func list(_ name: String, _ values: [String]) -> RunRecord.Option { .init(name, values.joined(separator: ",")) }
    return (hidden.isEmpty ? [] : [list("hidden", hidden.map(String.init))])
      + (stageCount == 1 ? [] : [list("stage-weights", stageWeights.map { settingText($0) })])
      + (temperature.map { [list("normed", [settingText($0)])] } ?? [])
      + (tower.map { [list("tower", ["\($0.layers)"])] } ?? [])
      + (tower?.normGroups.map { [list("norm-groups", ["\($0)"])] } ?? [])
  }
}

extension TrainingSettings {
  /// The recipe as options, in the order of the help.
  var options: [RunRecord.Option] {
    [
      .init("epochs", "\(epochs)"), .init("images-per-batch", "\(imagesPerBatch)"),
      .init("learning-rate", "\(learningRate)"),
      .init("milestones", milestones.map(String.init).joined(separator: ",")), .init("warmup-steps", "\(warmupSteps)"),
      .init("gradient-clip", gradientClip.map { settingText($0) } ?? "0"), .init("momentum", "\(momentum)"),
      .init("weight-decay", "\(weightDecay)"), .init("seed", "\(seed)"), .init("threads", "\(threads)"),
      .init("memory-limit", "\(memoryLimit)"), .init("precision", precision.rawValue),
    ] + (shards.map { [.init("shards", "\($0)")] } ?? [])
  }
}
