import LVISDatasets

/// The order in which a detector numbers its classes.
public enum ClassOrder: Sendable, Equatable {
  /// By ascending category id, as in this library's head files.
  case id
  /// By name, compared byte by byte.
  case name
  /// As listed: every category once, by its name or its id, and ``noCategory`` for a class of the detector that is none.
  /// A first entry `__background__`, which torchvision's lists have, is passed over.
  case list([String])

  /// What torchvision's lists call a class that is no category.
  public static let noCategory = "N/A"

  /// The detector's classes in its order, as indices by ascending id; `nil` for one that is no category.
  ///
  /// - Throws: `ModelExportError` if the list is not of these classes.
  func indices(of groups: CategoryGroups) throws -> [Int?] {
    let members = groups.members
    switch self {
    case .id: return members.indices.map { $0 }
    case .name:
      return members.indices.sorted { left, right in
        let (a, b) = (members[left].name, members[right].name)
        return a == b ? left < right : a.utf8.lexicographicallyPrecedes(b.utf8)
      }.map { $0 }
    case .list(var entries):
      if entries.first == "__background__", !members.contains(where: { $0.name == entries[0] }) {
        entries.removeFirst()
      }
      let isNone = members.contains { $0.name == Self.noCategory } ? "" : Self.noCategory
      let count = entries.filter { $0 != isNone }.count
      guard count == members.count else {
        throw ModelExportError(
          .wrongClasses,
          "the list of classes has \(count) entries; \(members.count) are expected, one for each category, beside "
            + "\(Self.noCategory) for classes that are none")
      }
      return try indices(of: entries, besides: isNone, members: members)
    }
  }

  private func indices(
    of entries: [String], besides noCategory: String, members: [CategoryGroups.Member]
  ) throws -> [Int?] {
    let byName = Dictionary(members.enumerated().map { ($1.name, [$0]) }, uniquingKeysWith: +)
    let byID = Dictionary(members.enumerated().map { ("\($1.id)", $0) }, uniquingKeysWith: { first, _ in first })
    var taken: Set<Int> = []
    return try entries.enumerated().map { line, entry in
      if entry == noCategory { return nil }
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
