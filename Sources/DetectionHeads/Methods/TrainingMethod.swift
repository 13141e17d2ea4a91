/// A way to train the last layer: what `--method` names.
public struct TrainingMethod: Sendable {
  /// What a method may be given beside the recipe.
  public struct Parameters: Sendable, Equatable {
    /// β of BAGS: `others` drawn for each positive of a group.
    public var othersRatio = 8.0
    /// How BAGS lays out G0.
    public var background = GroupedLayout.Background.sigmoid

    /// The defaults.
    public init() {}
  }

  /// What the user types.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// Where it comes from.
  public let source: String
  /// Its own parameters by their option names, for `run.json`.
  public let describe: @Sendable (Parameters) -> [String: String]
  /// Makes what it minimises.
  public let objective: @Sendable (CategoryGroups, Parameters) -> any HeadObjective

  /// Every method that can be trained.
  public static let all: [TrainingMethod] = [.bags, .softmax]

  /// Balanced group softmax.
  public static let bags = TrainingMethod(
    name: "bags", summary: "balanced group softmax: a softmax per group of classes of like frequency",
    source: "Li et al., CVPR 2020",
    describe: { ["others-ratio": "\($0.othersRatio)", "g0": $0.background.rawValue] },
    objective: {
      BalancedGroupSoftmax(groups: $0, background: $1.background, othersRatio: $1.othersRatio)
    })

  /// The baseline.
  public static let softmax = TrainingMethod(
    name: "softmax", summary: "one softmax over background and all classes, the baseline",
    source: "detectron2, fast_rcnn.py",
    describe: { _ in [:] },
    objective: { groups, _ in SoftmaxObjective(classCount: groups.classCount) })

  /// The method of a name; `nil` for a name that is none's.
  public static func named(_ name: String) -> TrainingMethod? { all.first { $0.name == name } }
}
