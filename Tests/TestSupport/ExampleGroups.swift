import DetectionHeads
import LVISDatasets

/// Eight classes, two a group; ids 1, 4, …, 22, names that do not ascend.
public func exampleGroups() throws -> CategoryGroups {
  let names = ["pear", "apple", "fig", "plum", "date", "kiwi", "lime", "nut"]
  return try CategoryGroups(
    counts: zip(names, [3, 500, 40, 9, 10, 2000, 150, 1000]).enumerated().map {
      CategoryCount(id: $0 * 3 + 1, name: $1.0, instances: $1.1, images: $1.1)
    })
}

extension CategoryGroups {
  /// Classes of given counts, each called c and its id.
  ///
  /// - Parameters:
  ///   - instances: n_c.
  ///   - images: m_c; as many as instances unless given.
  ///   - ids: Of each class; 1, 2, … unless given.
  ///   - boundaries: Of the groups.
  public init(
    instances: [Int], images: [Int]? = nil, ids: [Int]? = nil, boundaries: [Int] = [10, 100, 1000]
  ) throws {
    let ids = ids ?? Array(1..<instances.count + 1)
    try self.init(
      counts: zip(ids, zip(instances, images ?? instances)).map {
        CategoryCount(id: $0, name: "c\($0)", instances: $1.0, images: $1.1)
      }, boundaries: boundaries)
  }
}
