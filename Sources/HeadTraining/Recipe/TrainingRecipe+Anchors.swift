import DetectionHeads
import FeatureSets
import HeadLosses

extension TrainingRecipe {
  /// The recipe as it is for a set: on feature maps, where nearly every anchor is background, classes start from a score of
  /// .01 (Lin et al., ICCV 2017, §4.1), the loss is divided by the positives, products are in single precision, and the
  /// convolutions that the set says its maps stand below are trained with the last one. On RoIs and queries it stays as it is.
  ///
  /// - Parameters:
  ///   - source: The set.
  ///   - stated: The names of parameters that stay as they are, since the user gave them.
  /// - Throws: `MethodParameterError` for a method that is not known.
  public func withDefaults(for source: any RoISource, keeping stated: some Sequence<String>) throws -> TrainingRecipe {
    guard source is any AnchorSource else { return self }
    var recipe = self
    recipe.normalizer = normalizer ?? .positives
    recipe.settings.precision = .single
    if architecture.tower == nil, let stated = (source as? LabelledMapSet)?.maps.statedTower, stated > 0 {
      recipe.architecture.tower = TowerArchitecture(layers: stated)
    }
    let declared = try resolvedMethod().method.parameters
    if declared.contains(where: { $0.name == Self.priorName }), !stated.contains(Self.priorName) {
      recipe.method.parameters[Self.priorName] = settingText(LinearHead.anchorPrior)
    }
    return recipe
  }

  private static var priorName: String { "prior" }

  /// The loss of a dense head: that of every anchor, with the divisor of choice.
  ///
  /// - Parameter loss: The loss of an anchor's logits.
  /// - Throws: `TrainingRecipeError` for parts that a dense head is not trained with.
  func anchorObjective(_ loss: any HeadObjective) throws -> any HeadObjective {
    func refuse(_ reason: String) -> TrainingRecipeError {
      TrainingRecipeError(.conflict, "\(method.name): \(reason)")
    }
    guard architecture == HeadArchitecture(tower: architecture.tower) else {
      throw refuse(
        "on feature maps 3 × 3 convolutions are trained; fully connected layers, stages and normed layers are for RoIs")
    }
    if boxes?.classes == .perClass {
      throw refuse("the regression branch of a dense head gives each anchor one set of deltas for all classes")
    }
    if mining?.name == RoIMiningMethod.offline.name {
      throw refuse(
        "offline mining scores RoIs before training; on feature maps ohem-1to3 ranks every anchor in every step")
    }
    if mining?.name == RoIMiningMethod.stratified.name {
      throw refuse(
        "s-ohem needs a box loss for every example, which only positive anchors have; take ohem or ohem-1to3")
    }
    guard loss.trainsDenseHeads else {
      throw refuse(
        "a dense head needs logits that are linear in the features, and a loss that trains all of them and makes no features"
      )
    }
    if let summed = loss as? any SummedObjective { return summed.normalized(by: normalizer ?? .positives) }
    guard normalizer ?? .positives == .positives else {
      throw refuse(
        "its divisor is part of the method; only sums over anchors and classes take another: focal, bce, balanced-bce")
    }
    return loss
  }
}

extension TrainingRecipe {
  /// The convolutions below the last one of a fresh dense head.
  ///
  /// - Parameters:
  ///   - channels: C.
  ///   - initial: The head that training starts from; `nil` for none.
  ///   - generator: Draws the weights.
  /// - Throws: `TrainingRecipeError` if there can be no such tower.
  func freshTower(
    channels: Int, startingFrom initial: LinearHead?, using generator: inout some RandomNumberGenerator
  ) throws -> ConvolutionTower {
    guard let tower = architecture.tower, tower.layers > 0 else { return ConvolutionTower() }
    if let fault = tower.fault(channels: channels) { throw TrainingRecipeError(.badSetting, fault) }
    let groups = tower.normGroups ?? initial?.tower.normGroups ?? 0
    guard channels.isMultiple(of: max(1, groups)) else {
      throw TrainingRecipeError(.badSetting, "\(groups) groups of GroupNorm do not divide \(channels) channels")
    }
    let weights = 9.0 * Double(channels) * Double(channels) * Double(tower.layers)
    guard weights <= 0x1p30 else {
      throw TrainingRecipeError(.badSetting, "convolutions of \(channels) channels would have more than 2^30 weights")
    }
    return ConvolutionTower(layerCount: tower.layers, channels: channels, normGroups: groups, using: &generator)
  }

  /// The regression branch to train beside a dense head: a given one where it is of the same kind, else a fresh one.
  ///
  /// - Parameters:
  ///   - choice: The loss and its factor.
  ///   - source: The anchors.
  ///   - heads: The branch of the head that training starts from.
  ///   - generator: Draws fresh weights.
  /// - Throws: `TrainingRecipeError` if the maps are no branch's input; `LinearHeadError` where the groups of GroupNorm are
  ///   not known; `MethodParameterError` for the loss.
  func boxBranch(
    _ choice: BoxChoice, on source: any AnchorSource, startingFrom heads: PrerequisiteHeads,
    using generator: inout some RandomNumberGenerator
  ) throws -> BoxBranchRegression {
    if (source as? LabelledMapSet)?.maps.statedTower == 0 {
      throw TrainingRecipeError(
        .conflict,
        "the maps are the output of a classification tower; a regression branch is trained on those of the pyramid")
    }
    var initial = heads.boxBranch
    if let groups = architecture.tower?.normGroups, groups > 0 { initial = try initial?.statingNormGroups(groups) }
    let fresh = try freshTower(
      channels: source.channelCount, startingFrom: try heads.initial.map { try statingNormGroups(of: $0) },
      using: &generator)
    let start: BoxBranch
    if let initial, continues(initial, on: source) {
      start = initial
    } else {
      start = BoxBranch(
        fresh: fresh, channels: source.channelCount, anchorCount: source.anchorsPerLocation, using: &generator)
    }
    return BoxBranchRegression(
      start: start, loss: try BoxLossMethod.loss(choice.loss), lossWeight: choice.lossWeight,
      normalizer: normalizer ?? .positives)
  }

  /// Whether training can go on from a regression branch: it has as many convolutions, for the same maps and anchors.
  ///
  /// - Parameters:
  ///   - initial: The branch.
  ///   - source: The anchors.
  public func continues(_ initial: BoxBranch, on source: any AnchorSource) -> Bool {
    initial.tower.count == architecture.tower?.layers ?? 0 && initial.channelCount == source.channelCount
      && initial.anchorsPerLocation == source.anchorsPerLocation
  }

  /// The head that training starts from, its GroupNorm of as many groups as the recipe states where its file does not say.
  ///
  /// - Throws: `LinearHeadError` if it does not say, and the recipe neither; if the groups do not divide the channels.
  func statingNormGroups(of initial: LinearHead) throws -> LinearHead {
    guard architecture.tower?.layers ?? 0 > 0, initial.tower.normGroups == nil else { return initial }
    guard let groups = architecture.tower?.normGroups, groups > 0 else {
      throw LinearHeadError(
        .missingNormGroups, "the detector's file does not say how many groups the GroupNorm of its convolutions has")
    }
    return try initial.statingNormGroups(groups)
  }
}
