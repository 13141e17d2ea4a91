import DetectionHeads
import HeadLosses

extension LinearHead {
  /// The head with the logarithm of each class's share of the training instances taken out of its logit, z_c − τ log π_c
  /// (Menon et al., ICLR 2021, §4.1 and eq. 9; google-research `logit_adjustment/utils.py`).
  ///
  /// It goes into the biases, so the head stays an ordinary layer. The paper has no background; its logit stays as it is,
  /// so that every class rises against it, a rare one more than a frequent one. Sigmoid heads are shifted likewise. In a
  /// Seesaw head the shift acts among the classes alone, whose softmax has no background.
  ///
  /// - Parameter tau: τ: 0 changes nothing, 1 asks for the error that counts every class alike.
  /// - Throws: `LinearHeadError` for a layout without one softmax over all classes or a sigmoid per class.
  public func logitAdjusted(tau: Double) throws -> LinearHead {
    let logPriors = HeadLosses.logitAdjustment(counts: groups.members.map(\.instanceCount), tau: tau)
    return try shiftingClasses(by: logPriors.map { -$0 }, for: CalibrationMethod.postHocAdjustment.name)
  }
}

extension CalibrationMethod {
  /// Post-hoc logit adjustment.
  public static let postHocAdjustment = CalibrationMethod(
    name: "post-hoc-adjustment", summary: "z − τ log π_c, the logarithm of a class's share of the instances taken out",
    source: "Menon et al., ICLR 2021",
    parameters: [.number("tau", default: 1, in: 0...10, "τ: 0 changes nothing, 1 takes the whole prior out")],
    work: .formula { head, parameters, _ in try head.logitAdjusted(tau: parameters.number("tau")) })
}
