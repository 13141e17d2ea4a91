/// A way to train the last layer: what `--method` names.
public struct TrainingMethod: NamedMethod {
  /// What the user types.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// Where it comes from.
  public let source: String
  /// Its own parameters, beside the recipe.
  public let parameters: [MethodParameter]
  /// Makes what it minimises.
  public let objective: @Sendable (CategoryGroups, MethodParameters) -> any HeadObjective

  /// Every method that can be trained.
  public static let all: [TrainingMethod] = [.bags, .softmax]
}

extension TrainingMethod {
  /// Balanced group softmax.
  public static let bags = TrainingMethod(
    name: "bags", summary: "balanced group softmax: a softmax per group of classes of like frequency",
    source: "Li et al., CVPR 2020",
    parameters: [
      .number("others-ratio", default: 8, in: 0...1e9, "β: `others` drawn for each positive of a group"),
      .choice(
        "g0", default: GroupedLayout.Background.sigmoid.rawValue, of: GroupedLayout.Background.allCases.map(\.rawValue),
        "one foreground logit, or the official pair [background, foreground]"),
    ],
    objective: { groups, parameters in
      BalancedGroupSoftmax(
        groups: groups, background: GroupedLayout.Background(rawValue: parameters.choice("g0")) ?? .sigmoid,
        othersRatio: parameters.number("others-ratio"))
    })

  /// The baseline.
  public static let softmax = TrainingMethod(
    name: "softmax", summary: "one softmax over background and all classes, the baseline",
    source: "detectron2, fast_rcnn.py", parameters: [],
    objective: { groups, _ in SoftmaxObjective(classCount: groups.classCount) })
}
