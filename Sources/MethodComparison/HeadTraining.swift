import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets

/// Everything that decides what a head becomes, beside the RoIs and the head that it starts from.
public struct TrainingRecipe: Sendable {
  /// What is minimised.
  public let method: TrainingMethod
  /// The method's own parameters.
  public let parameters: MethodParameters
  /// Which images an epoch visits; `nil` for each once.
  public let sampler: MethodChoice?
  /// Which RoIs of a batch are trained on; `nil` for all.
  public let mining: MethodChoice?
  /// The recipe.
  public let settings: TrainingSettings

  /// Puts it together.
  public init(
    _ method: TrainingMethod, parameters: MethodParameters, sampler: MethodChoice? = nil, mining: MethodChoice? = nil,
    settings: TrainingSettings
  ) {
    self.method = method
    self.parameters = parameters
    self.sampler = sampler
    self.mining = mining
    self.settings = settings
  }

  /// Prepares the training, from a fresh head drawn from the settings' seed.
  ///
  /// - Parameters:
  ///   - source: The RoIs.
  ///   - groups: The classes; labels are their indices.
  ///   - imageCount: M, the images of the annotations.
  ///   - heads: What was trained before.
  /// - Throws: `LinearHeadError` or `MethodParameterError` if something does not fit.
  public func trainer(
    on source: any RoISource, groups: CategoryGroups, imageCount: Int, startingFrom heads: EarlierHeads = EarlierHeads()
  ) throws -> HeadTrainer {
    let objective = method.objective(MethodData(groups: groups, imageCount: imageCount), parameters)
    var generator = SeededGenerator(seed: settings.seed)
    var head = LinearHead(
      inputs: source.featureCount, layout: objective.layout, groups: groups, method: method.name, using: &generator)
    (objective as? any HeadInitializingObjective)?.initialize(&head)
    if let initial = heads.initial { try head.copyClasses(from: initial) }
    return try HeadTrainer(
      head: head, objective: objective, source: source, settings: settings,
      sampler: try sampler.map { try ImageSamplingMethod.sampler($0, for: source, groups: groups) },
      selector: try mining.map {
        try RoIMiningMethod.selector(
          $0, for: RoIMiningData(source: source, head: heads.mining, seed: settings.seed))
      })
  }
}

/// Heads that a training looks at.
public struct EarlierHeads: Sendable {
  /// Its rows of the classes are taken over; see `LinearHead.copyClasses(from:)`.
  public var initial: LinearHead?
  /// Its false positives are what offline mining trains on.
  public var mining: LinearHead?

  /// Names them.
  public init(initial: LinearHead? = nil, mining: LinearHead? = nil) {
    self.initial = initial
    self.mining = mining
  }
}
