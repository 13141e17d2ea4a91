import LVISDatasets

extension CategoryGroups {
  /// Groups of given classes.
  ///
  /// - Parameters:
  ///   - groups: Each category's group, from 0, by id; those of a group that is not there are left out.
  ///   - groupCount: The number of groups.
  init(of groups: [Int: Int], groupCount: Int) throws {
    try self.init(
      counts: groups.filter { $0.value < groupCount }.map {
        CategoryCount(id: $0.key, name: "", instances: $0.value + 1, images: $0.value + 1)
      }, boundaries: Array(2..<groupCount + 1))
  }
}
