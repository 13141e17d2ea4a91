import DetectionHeads
import DurableFiles

/// The heads that a training starts from, or learns from the mistakes of.
public struct PrerequisiteHeads: Sendable {
  /// The head whose class rows, and layers below, the training starts from; see
  /// `LinearHead.copyClasses(from:matching:)`.
  public var initial: LinearHead?
  /// The box regressor that training goes on from, where it is of the kind that the recipe asks for.
  public var boxRegressor: BoxRegressor?
  /// The regression branch of a dense head that training goes on from, where it is of the kind that the recipe asks for.
  public var boxBranch: BoxBranch?
  /// The head whose false positives offline mining trains on.
  public var mining: LinearHead?

  /// Names the heads; a training from random weights needs none.
  ///
  /// - Parameters:
  ///   - initial: The head to start from.
  ///   - boxRegressor: The box regressor to start from.
  ///   - boxBranch: The regression branch of a dense head to start from.
  ///   - mining: The head whose false positives are trained on.
  public init(
    initial: LinearHead? = nil, boxRegressor: BoxRegressor? = nil, boxBranch: BoxBranch? = nil,
    mining: LinearHead? = nil
  ) {
    self.boxBranch = boxBranch
    self.initial = initial
    self.boxRegressor = boxRegressor
    self.mining = mining
  }
}

/// A head that a training cannot start from.
public struct InitialHeadError: CodedError {
  /// What does not fit.
  public let cause: LinearHeadError
  /// The kind of fault.
  public var code: LinearHeadError.Code { cause.code }
  /// One line that says what does not fit.
  public var description: String { cause.description }
}
