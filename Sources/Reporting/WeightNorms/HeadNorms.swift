import DetectionHeads
import LVISDatasets

/// The lengths of a classifier's weight rows.
public struct HeadNorms: Sendable {
  /// The name of the head in figures and tables.
  public var name: String
  /// The method that trained it, such as `bags`; it decides the colour.
  public var method: String
  /// ‖w_c‖₂ of every class, by ascending category id.
  public var classes: [Double]
  /// ‖w‖₂ of the row that tells background from the rest; `nil` where the head has none.
  public var background: Double?
  /// ‖w‖₂ of each foreground group's `others` row; empty where the head has none.
  public var others: [Double]

  /// Makes a head's norms from parts.
  public init(
    name: String, method: String, classes: [Double], background: Double? = nil, others: [Double] = []
  ) {
    self.name = name
    self.method = method
    self.classes = classes
    self.background = background
    self.others = others
  }
}

extension HeadNorms {
  /// Measures a head.
  ///
  /// Background is its first background logit: softmax's row 0, and G0's only row or its first.
  ///
  /// - Parameters:
  ///   - name: What to call it.
  ///   - head: The head.
  ///   - groups: The groups of the figure; a head grouped otherwise shows no `others`, for which there is no place.
  public init(name: String, head: LinearHead, groups: CategoryGroups) {
    let norms = head.weight.rowNorms
    self.init(
      name: name, method: head.method, classes: head.classWeightNorms,
      background: head.layout.backgroundLogits.first.map { norms[$0] },
      others: head.groups.classesByGroup == groups.classesByGroup
        ? head.layout.othersLogits.prefix(groups.classesByGroup.count).map { norms[$0] } : [])
  }
}
