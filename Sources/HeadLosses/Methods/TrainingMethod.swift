import LVISDatasets

/// A way to train the last layer: what `--method` names.
///
/// A method is declared beside its loss, as a `static let` in an extension of this type, and listed in `all`.
public struct TrainingMethod: NamedMethod {
  /// What the user types.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// Where it comes from.
  public let source: String
  /// Its own parameters, beside the recipe.
  public let parameters: [MethodParameter]
  /// Whether it starts from a trained softmax head, and cannot do without.
  public let needsInitialHead: Bool
  /// Why an example has no loss of its own, by which hard example mining could rank it, as in "it … "; `nil` where it has
  /// one, the objective then being an ``ExampleLossObjective``.
  public let noExampleLoss: String?
  /// Why some values of its parameters do not go together; `nil` where they do.
  public let conflict: @Sendable (MethodParameters) -> String?
  /// Makes what it minimises.
  public let objective: @Sendable (MethodData, MethodParameters) -> any HeadObjective

  /// A head, where it starts from one.
  public var needs: String? { needsInitialHead ? "a trained softmax head: --init" : nil }

  /// Declares a method.
  public init(
    name: String, summary: String, source: String, parameters: [MethodParameter], needsInitialHead: Bool = false,
    noExampleLoss: String? = nil,
    conflict: @escaping @Sendable (MethodParameters) -> String? = { _ in nil },
    objective: @escaping @Sendable (MethodData, MethodParameters) -> any HeadObjective
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.parameters = parameters
    self.needsInitialHead = needsInitialHead
    self.noExampleLoss = noExampleLoss
    self.conflict = conflict
    self.objective = objective
  }

  /// Every method that can be trained, the softmax family first, then the sigmoids.
  public static let registry = MethodRegistry<TrainingMethod>([
    .bags, .softmax, .reweighting, .effectiveNumber, .balancedSoftmax, .logitAdjustment, .marginSoftmax, .equilibrium,
    .seesaw, .inverseFrequency, .alignment,
    .sigmoid, .balancedSigmoid, .focal, .equalizedFocal, .harmonized, .equalization, .equalizationV2, .suppression,
    .federated, .effectiveMargin, .gumbel, .balancedClassification,
  ])
}

/// What a method may know of the data before it trains.
public struct MethodData: Sendable {
  /// The classes with their counts and groups.
  public let groups: CategoryGroups
  /// M, the images that the classes' image counts are of: all images of the training annotations.
  public let imageCount: Int

  /// Makes it.
  public init(groups: CategoryGroups, imageCount: Int) {
    self.groups = groups
    self.imageCount = imageCount
  }
}
