import FeatureSets
import LVISDatasets

/// A way to train the last layer, chosen by its name.
///
/// A method is declared beside its loss, as a `static let` in an extension of this type. Those of the library are
/// listed in ``registry``, to which a program adds its own.
public struct TrainingMethod: NamedMethod {
  /// The name by which a user chooses it, such as `bags`.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// The paper or code that it comes from.
  public let source: String
  /// The parameters that it declares.
  public let parameters: [MethodParameter]
  /// Whether it starts from a trained softmax head and cannot do without; `false` by default.
  public let needsInitialHead: Bool
  /// Whether its loss takes class weights of the user's, `MethodData.classWeights`; `false` by default.
  public let takesClassWeights: Bool
  /// The column beside the features that its loss looks at and cannot do without; `nil`, the default, for none.
  public let neededColumn: FeatureColumn?
  /// The reason why an example has no loss of its own, by which hard example mining could rank it, as in "it … "; `nil`
  /// where it has one, the objective then being an ``ExampleLossObjective``.
  public let noExampleLoss: String?
  /// Says why some values of its parameters do not go together; `nil` where they do.
  public let conflict: @Sendable (MethodParameters) -> String?
  /// Makes the loss from the data and the parameters.
  public let objective: @Sendable (MethodData, MethodParameters) -> any HeadObjective

  /// A head, where it starts from one.
  public var needs: String? { needsInitialHead ? "a trained softmax head" : nil }

  /// Declares a method.
  ///
  /// - Parameters:
  ///   - name: The name by which a user chooses it.
  ///   - summary: One line on what it does.
  ///   - source: The paper or code that it comes from.
  ///   - parameters: The parameters that it declares.
  ///   - needsInitialHead: Whether it starts from a trained softmax head.
  ///   - takesClassWeights: Whether its loss takes class weights of the user's.
  ///   - neededColumn: The column beside the features that its loss looks at and cannot do without.
  ///   - noExampleLoss: The reason why an example has no loss of its own; `nil` where it has one.
  ///   - conflict: Says why some values of its parameters do not go together.
  ///   - objective: Makes the loss from the data and the parameters.
  public init(
    name: String, summary: String, source: String, parameters: [MethodParameter], needsInitialHead: Bool = false,
    takesClassWeights: Bool = false, neededColumn: FeatureColumn? = nil, noExampleLoss: String? = nil,
    conflict: @escaping @Sendable (MethodParameters) -> String? = { _ in nil },
    objective: @escaping @Sendable (MethodData, MethodParameters) -> any HeadObjective
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.parameters = parameters
    self.needsInitialHead = needsInitialHead
    self.takesClassWeights = takesClassWeights
    self.neededColumn = neededColumn
    self.noExampleLoss = noExampleLoss
    self.conflict = conflict
    self.objective = objective
  }

  /// All methods that can be trained, the softmax family first, then the sigmoids, then those that a program adds.
  public static let registry = MethodRegistry<TrainingMethod>([
    .bags, .softmax, .reweighting, .effectiveNumber, .balancedSoftmax, .logitAdjustment, .marginSoftmax, .equilibrium,
    .seesaw, .inverseFrequency, .alignment,
    .sigmoid, .balancedSigmoid, .focal, .varifocal, .equalizedFocal, .harmonized, .equalization, .equalizationV2,
    .suppression,
    .federated, .effectiveMargin, .gumbel, .balancedClassification,
  ])
}

/// The data that a loss is made for: the classes with their counts, and the number of images.
public struct MethodData: Sendable {
  /// The classes with their counts and groups.
  public let groups: CategoryGroups
  /// The number M of all images of the training annotations, which the classes' image counts are of.
  public let imageCount: Int
  /// The user's own weights, background first [C + 1]; `nil` where there are none.
  public let classWeights: [Double]?

  /// Describes the data.
  ///
  /// - Parameters:
  ///   - groups: The classes with their counts and groups.
  ///   - imageCount: The number M of all images of the training annotations.
  ///   - classWeights: The user's own weights, background first [C + 1]; `nil` where there are none.
  public init(groups: CategoryGroups, imageCount: Int, classWeights: [Double]? = nil) {
    self.groups = groups
    self.imageCount = imageCount
    self.classWeights = classWeights
  }
}
