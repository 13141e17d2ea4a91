import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import LVISDatasets

extension TrainingRecipe {
  /// Prepares the training: a fresh head is drawn from the settings' seed, and what the prerequisite heads know is copied
  /// into it.
  ///
  /// - Parameters:
  ///   - source: The training examples; their labels are class indices of `groups`.
  ///   - groups: The classes with their counts and groups.
  ///   - imageCount: M, the images that the classes' image counts are of: all images of the training annotations,
  ///     whether or not they have examples. Where there are no annotations, the images of `source`.
  ///   - heads: The heads that the method, the mining or the user starts from.
  /// - Returns: A trainer that has taken no step.
  /// - Throws: What `validate()` throws; `TrainingRecipeError` if data or heads do not fit the recipe, `InitialHeadError`
  ///   if the initial head does not; what reading the source throws.
  public func trainer(
    on source: any RoISource, groups: CategoryGroups, imageCount: Int,
    startingFrom heads: PrerequisiteHeads = PrerequisiteHeads()
  ) throws -> HeadTrainer {
    try validate()
    let (method, parameters) = try resolvedMethod()
    let data = MethodData(
      groups: groups, imageCount: imageCount, classWeights: classWeights.map { $0.weights(of: groups) })
    let stage = method.objective(data, parameters)
    if let fault = architecture.fault(with: stage, setStages: source.stageCount, inputs: source.featureCount) {
      throw TrainingRecipeError(.conflict, "\(method.name): \(fault)")
    }
    if method.needsInitialHead, heads.initial == nil {
      throw TrainingRecipeError(.missingInput, "\(method.name) starts from a trained softmax head, and none is given")
    }
    if let column = method.neededColumn, try source.first(column) == nil {
      throw TrainingRecipeError(
        .missingInput, "\(method.name) looks at the tensor '\(column.rawValue)' beside the features, and there is none")
    }
    let anchors = source as? any AnchorSource
    let objective = try anchors.map { _ in try anchorObjective(stage) } ?? architecture.objective(stage)
    if anchors == nil, normalizer != nil {
      throw TrainingRecipeError(.conflict, "a divisor of choice is for feature maps; the examples are RoIs")
    }
    if anchors == nil, architecture.tower != nil {
      throw TrainingRecipeError(
        .conflict, "convolutions below the last layer are for feature maps; the examples are RoIs")
    }
    var generator = SeededGenerator(seed: settings.seed)
    let layout = architecture.layout(of: objective)
    var head = LinearHead(
      inputs: source.featureCount, hiddenOutputs: architecture.hidden,
      layout: anchors.map { AnchoredLayout(layout, anchorCount: $0.anchorsPerLocation) } ?? layout,
      groups: groups, method: method.name, using: &generator)
    if anchors == nil {
      (objective as? any HeadInitializingObjective)?.initialize(&head)
    } else {
      head = try head.mappingAnchors { part in
        var part = part
        (stage as? any HeadInitializingObjective)?.initialize(&part)
        part.setBackground(toPrior: LinearHead.anchorPrior)
        return part
      }
    }
    if let anchors {
      head.tower = try freshTower(
        channels: anchors.channelCount, startingFrom: heads.initial, using: &generator)
    }
    if let initial = heads.initial {
      do {
        let initial = try statingNormGroups(of: initial)
        if method.needsInitialHead, let new = try newClasses(of: groups, startingFrom: initial).first {
          throw LinearHeadError(
            .wrongClasses, "it lacks '\(new.name)' (\(new.id)), but \(method.name) trains no class from the start")
        }
        try head.copyClasses(from: initial, matching: matching)
      } catch let error as LinearHeadError {
        throw InitialHeadError(cause: error)
      }
    }
    if adversary != nil, !stage.trainsDeepHeads {
      throw TrainingRecipeError(.conflict, "\(method.name): \(HeadTrainer.adversaryNeeds)")
    }
    return try HeadTrainer(
      head: head, objective: objective, source: source, settings: settings,
      sampler: sampler.map { try ImageSamplingMethod.sampler($0, for: source, groups: groups) },
      selector: mining.map {
        try RoIMiningMethod.selector($0, for: RoIMiningData(source: source, head: heads.mining, seed: settings.seed))
      },
      boxRegression: anchors != nil
        ? nil
        : boxes.map {
          try $0.regression(
            startingFrom: heads.boxRegressor, inputs: source.featureCount, classCount: groups.classCount,
            using: &generator)
        },
      boxBranch: try anchors.flatMap { anchors in
        try boxes.map { try boxBranch($0, on: anchors, startingFrom: heads, using: &generator) }
      },
      adversary: try adversary.map {
        try AdversaryMethod.adversary($0, for: source, head: head, settings: settings, using: &generator)
      })
  }
}

extension TrainingRecipe {
  /// The classes that a head to start from does not have, so that they start from random weights.
  ///
  /// - Parameters:
  ///   - groups: The classes that are trained.
  ///   - initial: The head.
  /// - Throws: `LinearHeadError` if it has none of them, or a name is that of several classes.
  public func newClasses(of groups: CategoryGroups, startingFrom initial: LinearHead) throws -> [CategoryGroups.Member]
  {
    zip(groups.members, try matching.sources(of: groups, in: initial.groups)).filter { $1 == nil }.map(\.0)
  }
}

extension TrainingSettings {
  /// The steps of one epoch: every image is in one batch, the last batch may be smaller.
  ///
  /// - Parameter imageCount: The images with examples.
  public func stepsPerEpoch(imageCount: Int) -> Int { (imageCount + imagesPerBatch - 1) / imagesPerBatch }
}
