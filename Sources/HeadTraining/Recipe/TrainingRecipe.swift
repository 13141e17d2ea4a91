import DetectionHeads
import DurableFiles
import FeatureSets
import Foundation
import HeadLosses
import LVISDatasets

/// Method, sampler, mining, box regressor, adversary, architecture and settings: all that decides what a training becomes, given
/// the data and the heads that it starts from.
///
/// Every training is made from a recipe: `bags train`, the trials that choose a learning rate, the rows of a
/// comparison, calibrations that train. Two trainings of one recipe on the same data give the same head, byte for byte,
/// on the same kernels. As JSON a recipe has the keys of a run's `run.json`.
///
/// The learning rate is a number here. Where it was searched for, the run's record says how.
public struct TrainingRecipe: Sendable, Equatable {
  /// The method and its parameters. Parameters that are not stated have the values that the method declares.
  public var method: MethodChoice
  /// The sampler of the images that an epoch visits; `nil` to visit each once.
  public var sampler: MethodChoice?
  /// The way to choose the examples of a batch that are trained on; `nil` to train on all of them.
  public var mining: MethodChoice?
  /// The box regressor that is trained beside the classifier; `nil` to train none.
  public var boxes: BoxChoice?
  /// The adversary that makes pooled maps harder while the head is trained; `nil` for none.
  public var adversary: MethodChoice?
  /// The layers below the classifier, and the stages of a cascade.
  public var architecture: HeadArchitecture
  /// The epochs, the batch, the optimiser, the seed and the threads.
  public var settings: TrainingSettings
  /// By what the classes of a head that the training starts from are recognised.
  public var matching: ClassMatching
  /// The user's own class weights; `nil` for those of the method.
  public var classWeights: ClassWeightTable?
  /// The number that the loss of a dense head is divided by; `nil` for the positives of the batch, or the loss's own
  /// divisor where its sum is not one over anchors. RoIs and queries have none.
  public var normalizer: AnchorNormalizer?

  /// Makes a recipe; `validate()` says whether its parts are known and go together.
  ///
  /// - Parameters:
  ///   - method: The method and its parameters.
  ///   - sampler: Which images an epoch visits.
  ///   - mining: Which examples of a batch are trained on.
  ///   - boxes: The box regressor to train.
  ///   - adversary: What makes pooled maps harder.
  ///   - architecture: Layers below the classifier, and stages.
  ///   - settings: Epochs, batch, optimiser, seed, threads.
  ///   - matching: By what the classes of a head that the training starts from are recognised.
  ///   - classWeights: The user's own class weights.
  ///   - normalizer: What the loss of a dense head is divided by.
  public init(
    _ method: MethodChoice, sampler: MethodChoice? = nil, mining: MethodChoice? = nil, boxes: BoxChoice? = nil,
    adversary: MethodChoice? = nil, architecture: HeadArchitecture = HeadArchitecture(),
    settings: TrainingSettings = TrainingSettings(), matching: ClassMatching = .ids,
    classWeights: ClassWeightTable? = nil, normalizer: AnchorNormalizer? = nil
  ) {
    self.method = method
    self.sampler = sampler
    self.mining = mining
    self.boxes = boxes
    self.adversary = adversary
    self.architecture = architecture
    self.settings = settings
    self.matching = matching
    self.classWeights = classWeights
    self.normalizer = normalizer
  }

  /// Checks names, parameters and settings, and that the parts go together.
  ///
  /// - Throws: `MethodParameterError` for a name that is not known or a parameter that a method cannot take;
  ///   `TrainingRecipeError` for parts that cannot be trained together.
  public func validate() throws {
    let (trained, _) = try resolvedMethod()
    if let fault = settings.fault { throw TrainingRecipeError(.badSetting, fault) }
    if let classWeights {
      guard trained.takesClassWeights else {
        let names = TrainingMethod.all.filter(\.takesClassWeights).map(\.name)
        throw TrainingRecipeError(
          .conflict, "\(trained.name) takes no class weights of the user's; \(names.joined(separator: ", ")) do")
      }
      if let fault = classWeights.fault { throw TrainingRecipeError(.badSetting, fault) }
    }
    if let fault = architecture.tower?.fault() { throw TrainingRecipeError(.badSetting, fault) }
    if let sampler { _ = try ImageSamplingMethod.chosen(sampler) }
    if let boxes {
      _ = try BoxLossMethod.loss(boxes.loss)
      guard boxes.lossWeight > 0, boxes.lossWeight.isFinite else {
        throw TrainingRecipeError(.badSetting, "the weight of the box loss must be a number above 0")
      }
      guard architecture.hidden.isEmpty, architecture.stageCount == 1 else {
        throw TrainingRecipeError(
          .conflict, "a box regressor is trained beside one linear layer, not beside hidden layers or stages")
      }
    }
    if let adversary {
      let name = try AdversaryMethod.chosen(adversary).method.name
      guard architecture.stageCount == 1, architecture.temperature == nil else {
        throw TrainingRecipeError(
          .conflict, "the adversary \(name) is for one stage of linear layers, not for several or a normed one")
      }
      guard boxes == nil else {
        throw TrainingRecipeError(.conflict, "a box regressor is not trained beside the adversary \(name)")
      }
    }
    guard let mining else { return }
    let way = try RoIMiningMethod.chosen(mining).method
    if let reason = way.refusal(for: trained) { throw TrainingRecipeError(.conflict, reason) }
    if way.ranksByLoss, architecture.stageCount > 1 {
      throw TrainingRecipeError(
        .conflict,
        "\(way.name) ranks each example by its own loss; with \(architecture.stageCount) stages it has one a stage")
    }
  }

  /// The method that is named, and its parameters with the defaults filled in.
  ///
  /// - Throws: `MethodParameterError` if it is not known, or cannot take the parameters.
  package func resolvedMethod() throws -> (method: TrainingMethod, parameters: MethodParameters) {
    // Not among the methods that a user chooses from: it goes with one calibration.
    if method.name == TrainingMethod.weightScaling.name {
      return (.weightScaling, try MethodParameters(method.parameters, of: TrainingMethod.weightScaling))
    }
    return try TrainingMethod.chosen(method)
  }
}

extension TrainingRecipe: Codable {
  private enum CodingKeys: CodingKey {
    case method, methodParameters, sampler, mining, boxes, adversary, architecture, settings, matching, classWeights
    case normalizer
  }

  /// Reads a recipe from JSON with the keys of `run.json`, as `json()` writes it; other keys are passed over.
  ///
  /// - Throws: `DecodingError` if it is no recipe.
  public init(json: Data) throws { self = try JSONDocument.value(from: json) }

  /// The recipe as JSON: keys in snake_case and in a fixed order.
  public func json() throws -> String { try JSONDocument.text(self) }

  /// Reads a recipe; what is not stated is as it is by default.
  public init(from decoder: any Decoder) throws {
    let stored = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      MethodChoice(
        name: try stored.decode(String.self, forKey: .method),
        parameters: try stored.decodeIfPresent([String: String].self, forKey: .methodParameters) ?? [:]),
      sampler: try stored.decodeIfPresent(MethodChoice.self, forKey: .sampler),
      mining: try stored.decodeIfPresent(MethodChoice.self, forKey: .mining),
      boxes: try stored.decodeIfPresent(BoxChoice.self, forKey: .boxes),
      adversary: try stored.decodeIfPresent(MethodChoice.self, forKey: .adversary),
      architecture: try stored.decodeIfPresent(HeadArchitecture.self, forKey: .architecture) ?? HeadArchitecture(),
      settings: try stored.decodeIfPresent(TrainingSettings.self, forKey: .settings) ?? TrainingSettings(),
      matching: try stored.decodeIfPresent(ClassMatching.self, forKey: .matching) ?? .ids,
      classWeights: try stored.decodeIfPresent(ClassWeightTable.self, forKey: .classWeights),
      normalizer: try stored.decodeIfPresent(AnchorNormalizer.self, forKey: .normalizer))
  }

  /// Writes the recipe; parts that it does without are left out.
  public func encode(to encoder: any Encoder) throws {
    var stored = encoder.container(keyedBy: CodingKeys.self)
    try stored.encode(method.name, forKey: .method)
    try stored.encode(method.parameters, forKey: .methodParameters)
    try stored.encodeIfPresent(sampler, forKey: .sampler)
    try stored.encodeIfPresent(mining, forKey: .mining)
    try stored.encodeIfPresent(boxes, forKey: .boxes)
    try stored.encodeIfPresent(adversary, forKey: .adversary)
    if architecture != HeadArchitecture() { try stored.encode(architecture, forKey: .architecture) }
    try stored.encode(settings, forKey: .settings)
    if matching != .ids { try stored.encode(matching, forKey: .matching) }
    try stored.encodeIfPresent(classWeights, forKey: .classWeights)
    try stored.encodeIfPresent(normalizer, forKey: .normalizer)
  }
}
