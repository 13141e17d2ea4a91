import LVISDatasets

/// By what the classes of a head are recognised among those that another is trained for.
public enum ClassMatching: String, Sendable, Codable, CaseIterable {
  /// By category id.
  case ids
  /// By name, letter by letter.
  case names

  /// The class of a head for each of the classes that are trained.
  ///
  /// - Parameters:
  ///   - trained: The classes that are trained.
  ///   - known: The classes of the head.
  /// - Returns: For each trained class the index of the head's class, [C]; `nil` for one that the head does not have.
  /// - Throws: `LinearHeadError` if the head has none of them, or a name is that of several classes on either side.
  public func sources(of trained: CategoryGroups, in known: CategoryGroups) throws -> [Int?] {
    let sources: [Int?]
    switch self {
    case .ids: sources = trained.members.map { known.classIndex(ofCategory: $0.id) }
    case .names:
      let places = Dictionary(known.members.enumerated().map { ($1.name, [$0]) }, uniquingKeysWith: +)
      let counts = Dictionary(trained.members.map { ($0.name, 1) }, uniquingKeysWith: +)
      sources = try trained.members.map { member in
        guard let found = places[member.name] else { return nil }
        guard found.count == 1, counts[member.name] == 1 else {
          throw LinearHeadError(.wrongClasses, "several categories are called '\(member.name)'; match them by id")
        }
        return found[0]
      }
    }
    guard sources.contains(where: { $0 != nil }) else {
      let other = self == .ids ? "name" : "id"
      throw LinearHeadError(
        .noCommonClass,
        "none of its \(known.classCount) categories is among the \(trained.classCount) that are trained, by "
          + "\(self == .ids ? "id" : "name"); they may be the same by \(other)")
    }
    return sources
  }
}
