import DetectionHeads
import FeatureSets
import HeadLosses

/// A calibration with its parameters and settings: all that decides what becomes of a head, given the head and the
/// training examples.
public struct CalibrationRecipe: Sendable, Equatable {
  /// The calibration and its parameters. Parameters that are not stated have the values that the calibration declares.
  public var method: MethodChoice
  /// The batch, seed, threads and memory limit, where something is trained. Epochs, learning rate and its milestones
  /// follow from the calibration's parameters; the rest is as it is by default.
  public private(set) var settings: TrainingSettings

  /// Makes a recipe.
  ///
  /// - Parameters:
  ///   - method: The calibration and its parameters.
  ///   - settings: Images a batch, seed, threads and memory limit are taken from these, and nothing else.
  /// - Throws: `MethodParameterError` if there is no such calibration, or it cannot take the parameters;
  ///   `TrainingRecipeError` for settings that cannot be trained with.
  public init(_ method: MethodChoice, settings: TrainingSettings = TrainingSettings()) throws {
    let (way, parameters) = try CalibrationMethod.chosen(method)
    self.method = MethodChoice(name: way.name, parameters: parameters.values)
    self.settings = TrainingSettings()
    self.settings.imagesPerBatch = settings.imagesPerBatch
    self.settings.seed = settings.seed
    self.settings.threads = settings.threads
    self.settings.memoryLimit = settings.memoryLimit
    if trainsHead {
      self.settings.epochs = parameters.integer("epochs")
      self.settings.learningRate = parameters.number("learning-rate")
      self.settings.milestones = [self.settings.epochs - self.settings.epochs / 3]
    }
    if let fault = self.settings.fault { throw TrainingRecipeError(.badSetting, fault) }
  }

  /// Whether it trains, so that it takes time, has lines of metrics, and can be interrupted and resumed.
  public var trainsHead: Bool {
    if case .training = CalibrationMethod.named(method.name)?.work { true } else { false }
  }

  /// The epochs that it trains for; 0 where it trains nothing.
  public var epochs: Int { trainsHead ? settings.epochs : 0 }

  /// Prepares the training of a calibration that trains.
  ///
  /// - Parameters:
  ///   - head: The trained head.
  ///   - source: The training examples; their labels are class indices of the head's groups.
  /// - Returns: A trainer that has taken no step, whose head `head(from:trained:on:)` finishes; `nil` for a calibration
  ///   that trains nothing.
  /// - Throws: `LinearHeadError` if the calibration has no meaning for such a head; `TrainingRecipeError` where it lacks
  ///   the examples that it needs; what making a trainer throws.
  public func trainer(for head: LinearHead, on source: (any RoISource)?) throws -> HeadTrainer? {
    let (way, parameters) = try CalibrationMethod.chosen(method)
    guard head.hidden.isEmpty else {
      throw LinearHeadError(
        .unsupported,
        "\(way.name) is for a last layer alone; this head has hidden layers of \(head.hidden.map(\.outputs)) outputs")
    }
    guard case .training(let makeRecipe, _) = way.work else { return nil }
    let (head, source) = try head.lastLayer(on: source)
    guard let source else { throw TrainingRecipeError(.missingInput, "\(way.name) needs the training RoIs") }
    guard head.layout.anchorsPerLocation == (source as? any AnchorSource)?.anchorsPerLocation else {
      throw LinearHeadError(
        .wrongShape,
        "\(way.name) trains on what the head is for: a dense head on feature maps, another on RoIs or queries")
    }
    var recipe = try makeRecipe(head, parameters)
    recipe.settings = settings
    recipe = try recipe.withDefaults(for: source, keeping: [])
    // The examples are what the last layer sees, which is all that is trained.
    recipe.architecture.tower = nil
    return try recipe.trainer(
      on: source, groups: head.groups, imageCount: source.imageCount,
      startingFrom: PrerequisiteHeads(initial: way.startsAnew ? nil : head))
  }

  /// The calibrated head, called `softmax+tau-norm` say.
  ///
  /// - Parameters:
  ///   - head: The trained head; it stays as it is.
  ///   - trained: What the trainer came to, for a calibration that trains.
  ///   - source: The training examples, for a calibration that looks at them without training.
  /// - Throws: `LinearHeadError` if the calibration has no meaning for such a head; what reading the examples throws.
  public func head(
    from head: LinearHead, trained: LinearHead? = nil, on source: (any RoISource)? = nil
  ) throws -> LinearHead {
    let (way, parameters) = try CalibrationMethod.chosen(method)
    let tower = head.tower
    let (head, source) = try head.lastLayer(on: source)
    var calibrated: LinearHead
    switch way.work {
    case .formula(let calibrate):
      // Each anchor's classifier looks at its own anchors.
      let isDense = head.layout.anchorsPerLocation != nil
      calibrated = try head.mappingAnchors { part, anchor in
        let result = try calibrate(
          part, parameters, (source as? any AnchorSource).map { AnchorView($0, anchor: anchor) } ?? source)
        guard !isDense || result.layout.product == .linear else {
          throw LinearHeadError(
            .unsupported, "\(way.name) scores by cosines, but a dense head multiplies the patches of maps as they are")
        }
        return result
      }
    case .training(_, let finish):
      guard let trained else { throw TrainingRecipeError(.missingInput, "\(way.name) needs a head that was trained") }
      calibrated = try finish(trained)
    }
    calibrated.tower = tower
    calibrated.method = "\(head.method)+\(way.name)"
    return calibrated
  }

  /// Calibrates a head from beginning to end.
  ///
  /// - Parameters:
  ///   - head: The trained head; it stays as it is.
  ///   - source: The training examples, where the calibration looks at them.
  ///   - hooks: What happens while it trains.
  /// - Returns: The calibrated head.
  /// - Throws: As `trainer(for:on:)` and `head(from:trained:on:)`; what training throws.
  public func calibrate(
    _ head: LinearHead, on source: (any RoISource)? = nil, hooks: TrainingHooks = TrainingHooks()
  ) throws -> LinearHead {
    let trainer = try trainer(for: head, on: source)
    try trainer?.run(hooks)
    return try self.head(from: head, trained: trainer?.head, on: source)
  }

  /// The recipe with its epochs shortened in the ratio in which those of a training are; a calibration that trains
  /// nothing stays as it is.
  ///
  /// - Parameters:
  ///   - epochs: The epochs of the shortened training.
  ///   - full: Those of the whole training.
  /// - Throws: As the initialiser.
  public func shortened(to epochs: Int, of full: Int) throws -> CalibrationRecipe {
    guard trainsHead else { return self }
    var method = method
    method.parameters["epochs"] = "\(max(1, Int((Double(self.epochs * epochs) / Double(full)).rounded())))"
    return try CalibrationRecipe(method, settings: settings)
  }
}

extension CalibrationRecipe: Codable {
  private enum CodingKeys: CodingKey { case calibration, settings }

  /// The settings that are the user's.
  private enum SettingKeys: CodingKey { case imagesPerBatch, seed, threads, memoryLimit }

  /// Reads a recipe.
  ///
  /// - Throws: `DecodingError` for a calibration that is not known, or parameters that it cannot take.
  public init(from decoder: any Decoder) throws {
    let stored = try decoder.container(keyedBy: CodingKeys.self)
    let method = try stored.decode(MethodChoice.self, forKey: .calibration)
    do {
      self = try CalibrationRecipe(
        method, settings: try stored.decodeIfPresent(TrainingSettings.self, forKey: .settings) ?? TrainingSettings())
    } catch let error as MethodParameterError {
      throw DecodingError.dataCorruptedError(
        forKey: .calibration, in: stored, debugDescription: error.description)
    }
  }

  /// Writes the recipe, without what follows from its parameters.
  public func encode(to encoder: any Encoder) throws {
    var stored = encoder.container(keyedBy: CodingKeys.self)
    try stored.encode(method, forKey: .calibration)
    var own = stored.nestedContainer(keyedBy: SettingKeys.self, forKey: .settings)
    try own.encode(settings.imagesPerBatch, forKey: .imagesPerBatch)
    try own.encode(settings.seed, forKey: .seed)
    try own.encode(settings.threads, forKey: .threads)
    try own.encode(settings.memoryLimit, forKey: .memoryLimit)
  }
}
