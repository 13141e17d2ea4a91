import DetectionHeads
import HeadLosses

/// The box regressor that is trained beside a classifier, as `run.json` keeps it.
public struct BoxChoice: Sendable, Codable, Equatable {
  /// The box loss and its parameters: one of ``BoxLossMethod``, such as `smooth-l1`.
  public var loss: MethodChoice
  /// Whether a RoI has one set of deltas or one for each class; one by default.
  public var classes: BoxRegressor.Classes
  /// The framework whose rules turn deltas into boxes; `standard` by default.
  public var convention: BoxCoder.Convention
  /// The factor of the box loss beside the classification loss, above 0; 1 by default.
  public var lossWeight: Double

  /// Makes a choice.
  ///
  /// - Parameters:
  ///   - loss: The box loss and its parameters.
  ///   - classes: Whether a RoI has one set of deltas or one for each class.
  ///   - convention: The framework whose rules turn deltas into boxes.
  ///   - lossWeight: The factor of the box loss, above 0.
  public init(
    loss: MethodChoice, classes: BoxRegressor.Classes = .agnostic, convention: BoxCoder.Convention = .standard,
    lossWeight: Double = 1
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

  /// Makes the regressor that training starts from: a given one where it is of the same kind, else a fresh one.
  ///
  /// - Parameters:
  ///   - initial: The regressor of the head that training starts from; `nil` for none.
  ///   - inputs: D.
  ///   - classCount: C.
  ///   - generator: Draws fresh weights.
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
