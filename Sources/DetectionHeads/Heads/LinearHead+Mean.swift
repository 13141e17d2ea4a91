import DenseLinearAlgebra
import LVISDatasets

extension LinearHead {
  /// The head whose scores are the means of the scores of several; see ``MeanLayout``.
  ///
  /// - Parameters:
  ///   - heads: The heads, of the same features and the same categories, at least two.
  ///   - groups: The groups that the new head carries; `nil` for those of the first. Each head keeps scoring by its own.
  /// - Throws: `LinearHeadError` if they do not go together: other features or categories, hidden layers, or logits that
  ///   are not plain linear ones.
  public static func mean(of heads: [LinearHead], groups: CategoryGroups? = nil) throws -> LinearHead {
    guard let first = heads.first else { throw LinearHeadError(.unsupported, "a mean is of two heads or more") }
    let groups = groups ?? first.groups
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
}
