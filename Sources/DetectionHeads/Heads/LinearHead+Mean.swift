import DenseLinearAlgebra
import LVISDatasets

extension LinearHead {
  /// The head whose scores are the means of the scores of several; see ``MeanLayout``. Of dense heads each anchor's scores
  /// are averaged; last layers alone may stand beside the detector's own head, on the output of whose convolutions they were
  /// trained, and the mean then has its convolutions.
  ///
  /// - Parameters:
  ///   - heads: The heads, of the same features and the same categories, at least two.
  ///   - groups: The groups that the new head carries; `nil` for those of the first. Each head keeps scoring by its own.
  /// - Returns: The head, in the layout of the mean.
  /// - Throws: `LinearHeadError` if they do not go together: other features or categories, hidden layers, logits that are not
  ///   plain linear ones, other numbers of anchors a location, or convolutions that are not the same, unless some heads have
  ///   none and those of the others are the detector's own.
  public static func mean(of heads: [LinearHead], groups: CategoryGroups? = nil) throws -> LinearHead {
    guard let first = heads.first else { throw LinearHeadError(.unsupported, "a mean is of two heads or more") }
    let groups = groups ?? first.groups
    let anchorCount = first.layout.anchorsPerLocation
    guard heads.allSatisfy({ $0.layout.anchorsPerLocation == anchorCount }) else {
      throw LinearHeadError(
        .wrongShape,
        "a mean is of heads of one kind: all for RoIs or queries, or all for as many anchors a location")
    }
    if let anchorCount {
      let tower = try sharedTower(of: heads)
      let means = try (0..<anchorCount).map { anchor in
        try mean(of: heads.compactMap { $0.anchor(anchor) }, groups: groups)
      }
      var result = try stacked(means, groups: groups)
      result.tower = tower
      return result
    }
    for head in heads {
      guard head.hidden.isEmpty else {
        throw LinearHeadError(.unsupported, "a head with hidden layers cannot be part of a mean")
      }
      guard head.inputs == first.inputs else {
        throw LinearHeadError(
          .wrongShape, "a mean is of heads of the same features, not of \(first.inputs) and \(head.inputs)")
      }
      guard head.groups.members.map(\.id) == groups.members.map(\.id) else {
        throw LinearHeadError(.wrongClasses, "a mean is of heads of the same categories")
      }
      // A head file divides the groups anew from the counts that it carries.
      guard let grouped = head.layout as? GroupedLayout else { continue }
      guard (try? groups.divided(at: grouped.groups.boundaries))?.classesByGroup == grouped.groups.classesByGroup else {
        throw LinearHeadError(.wrongClasses, "a mean is of heads whose groups were made from the same counts")
      }
    }
    return try LinearHead(
      weight: Matrix(
        rows: heads.reduce(0) { $0 + $1.weight.rows }, columns: first.weight.columns,
        values: heads.flatMap(\.weight.storage)),
      bias: heads.flatMap(\.bias), layout: MeanLayout(heads.map(\.layout)), groups: groups,
      method: heads.map(\.method).joined(separator: "++"))
  }

  /// The convolutions below the last ones of dense heads.
  ///
  /// - Throws: `LinearHeadError` if they are not the same, or some heads have none and those of the others are not the
  ///   detector's own.
  private static func sharedTower(of heads: [LinearHead]) throws -> ConvolutionTower {
    let whole = heads.filter { !$0.tower.isEmpty }
    guard let tower = whole.first?.tower else { return ConvolutionTower() }
    guard whole.allSatisfy({ $0.tower == tower }), whole.count == heads.count || whole.allSatisfy(\.isOfDetector) else {
      throw LinearHeadError(
        .unsupported, "a mean of dense heads is of last layers above the same convolutions; these have others below")
    }
    return tower
  }

  /// The dense head whose anchors' classifiers are the given ones, all in one layout.
  private static func stacked(_ anchors: [LinearHead], groups: CategoryGroups) throws -> LinearHead {
    try LinearHead(
      weight: Matrix(
        rows: anchors.reduce(0) { $0 + $1.weight.rows }, columns: anchors[0].weight.columns,
        values: anchors.flatMap(\.weight.storage)),
      bias: anchors.flatMap(\.bias), layout: AnchoredLayout(anchors[0].layout, anchorCount: anchors.count),
      groups: groups, method: anchors[0].method)
  }
}
