import LVISDatasets

/// The order in which a detector numbers its classes.
public enum ClassOrder: Sendable, Equatable {
  /// By ascending category id, as in this library's head files.
  case id
  /// By name, compared byte by byte.
  case name
  /// As listed: every class once, by its name or its id.
  case list([String])

  /// The detector's classes in its order, as indices by ascending id.
  ///
  /// - Throws: `ModelExportError` if the list is not of these classes.
  func indices(of groups: CategoryGroups) throws -> [Int] {
    let members = groups.members
    switch self {
    case .id: return Array(members.indices)
    case .name:
      return members.indices.sorted { left, right in
        let (a, b) = (members[left].name, members[right].name)
        return a == b ? left < right : a.utf8.lexicographicallyPrecedes(b.utf8)
      }
    case .list(let entries):
      guard entries.count == members.count else {
        throw ModelExportError(
          .wrongClasses,
          "the list of classes has \(entries.count) entries; \(members.count) are expected, one for each category")
      }
      return try indices(of: entries, members: members)
    }
  }

  private func indices(of entries: [String], members: [CategoryGroups.Member]) throws -> [Int] {
    let byName = Dictionary(members.enumerated().map { ($1.name, [$0]) }, uniquingKeysWith: +)
    let byID = Dictionary(members.enumerated().map { ("\($1.id)", $0) }, uniquingKeysWith: { first, _ in first })
    var taken: Set<Int> = []
    return try entries.enumerated().map { line, entry in
      let named = byName[entry] ?? []
      guard named.count <= 1 else {
        throw ModelExportError(
          .wrongClasses,
          "the list of classes, entry \(line + 1): \(named.count) categories are called '\(entry)'; list ids")
      }
      guard let index = named.first ?? byID[entry] else {
        throw ModelExportError(
          .wrongClasses,
          "the list of classes, entry \(line + 1): '\(entry)' is neither a name nor an id of the \(members.count) "
            + "categories")
      }
      guard taken.insert(index).inserted else {
        throw ModelExportError(.wrongClasses, "the list of classes, entry \(line + 1): '\(entry)' stands there twice")
      }
      return index
    }
  }
}
