import HeadLosses

extension TrainingRecipe {
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
    guard loss.trainsDeepHeads else {
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
