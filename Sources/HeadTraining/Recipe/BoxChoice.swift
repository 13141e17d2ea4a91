import DetectionHeads
import HeadLosses

/// The box regressor that a user chose to train, as `run.json` keeps it.
public struct BoxChoice: Sendable, Codable, Equatable {
  /// The loss.
  public var loss: MethodChoice
  /// What a RoI's deltas depend on.
  public var classes: BoxRegressor.Classes
  /// Whose rules they follow.
  public var convention: BoxCoder.Convention
  /// What the loss is multiplied by.
  public var lossWeight: Double

  /// Makes a choice.
  public init(
    loss: MethodChoice, classes: BoxRegressor.Classes, convention: BoxCoder.Convention, lossWeight: Double = 1
  ) {
    self.loss = loss
    self.classes = classes
    self.convention = convention
    self.lossWeight = lossWeight
  }

  /// Whether training can go on from a regressor: its deltas are of the same kind, for the same features and classes.
  ///
  /// - Parameters:
  ///   - initial: The regressor.
  ///   - inputs: D.
  ///   - classCount: C.
  public func continues(_ initial: BoxRegressor, inputs: Int, classCount: Int) -> Bool {
    initial.classes == classes && initial.coder.convention == convention && initial.inputs == inputs
      && (classes == .agnostic || initial.weight.rows == 4 * classCount)
  }

  /// What to train: from a regressor of the same kind where there is one, else from a fresh one.
  ///
  /// - Parameters:
  ///   - initial: The regressor of the head that training starts from; `nil` for none.
  ///   - inputs: D.
  ///   - classCount: C.
  ///   - generator: For fresh weights.
  /// - Throws: `MethodParameterError` if the loss is not known, or cannot take its parameters.
  public func regression(
    startingFrom initial: BoxRegressor?, inputs: Int, classCount: Int, using generator: inout some RandomNumberGenerator
  ) throws -> BoxRegression {
    let loss = try BoxLossMethod.loss(loss)
    if let initial, continues(initial, inputs: inputs, classCount: classCount) {
      return BoxRegression(start: initial, loss: loss, lossWeight: lossWeight)
    }
    let fresh = try BoxRegressor.fresh(
      inputs: inputs, classes: classes, classCount: classCount, convention: convention, using: &generator)
    return BoxRegression(start: fresh, loss: loss, lossWeight: lossWeight)
  }
}
