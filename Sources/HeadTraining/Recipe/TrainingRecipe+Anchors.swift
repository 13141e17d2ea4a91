import DetectionHeads
import FeatureSets
import HeadLosses

extension TrainingRecipe {
  /// The recipe as it is for a set: on feature maps, where nearly every anchor is background, classes start from a score of
  /// .01 (Lin et al., ICCV 2017, §4.1) and the loss is divided by the positives. On RoIs and queries it stays as it is.
  ///
  /// - Parameters:
  ///   - source: The set.
  ///   - stated: The names of parameters that stay as they are, since the user gave them.
  /// - Throws: `MethodParameterError` for a method that is not known.
  public func withDefaults(for source: any RoISource, keeping stated: some Sequence<String>) throws -> TrainingRecipe {
    guard source is any AnchorSource else { return self }
    var recipe = self
    recipe.normalizer = normalizer ?? .positives
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
    guard architecture == HeadArchitecture() else {
      throw refuse(
        "on feature maps the last 3 × 3 convolution is trained alone; layers below it, stages and normed layers are for RoIs"
      )
    }
    if boxes != nil { throw refuse("a box regressor is trained beside RoIs, not yet beside feature maps") }
    if mining?.name == RoIMiningMethod.offline.name {
      throw refuse(
        "offline mining scores RoIs before training; on feature maps ohem-1to3 ranks every anchor in every step")
    }
    if mining?.name == RoIMiningMethod.stratified.name {
      throw refuse(
        "s-ohem needs a box loss for every example, and none is trained on feature maps; take ohem or ohem-1to3")
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
