import LVISDatasets
import TestSupport
import Testing

@Suite struct CategoryGroupsTests {
  private func counts(_ instances: [Int]) -> [CategoryCount] {
    instances.enumerated().map { CategoryCount(id: 100 - $0, name: "\($0)", instances: $1, images: $1 / 2) }
  }

  @Test func lowerBoundariesAreInclusive() throws {
    let groups = try CategoryGroups(counts: counts([0, 9, 10, 99, 100, 999, 1000, .max]))
    #expect(groups.members.map(\.id) == Array(93...100))
    #expect(groups.members.map(\.group) == [3, 3, 2, 2, 1, 1, 0, 0])
    #expect(groups.classesByGroup == [[6, 7], [4, 5], [2, 3], [0, 1]])
    #expect((0..<4).map { groups.lowerBound(ofGroup: $0) } == [0, 10, 100, 1000])
    #expect((0..<4).map { groups.upperBound(ofGroup: $0) } == [10, 100, 1000, nil])
    #expect(groups.classIndex(ofCategory: 94) == 1)
    #expect(groups.classIndex(ofCategory: 101) == nil)
  }

  @Test func imagesCanBeHeldAgainstTheBoundaries() throws {
    let groups = try CategoryGroups(counts: counts([19, 20]), boundaries: [10], countedBy: .images)
    #expect(groups.members.map(\.group) == [1, 0])
  }

  @Test(arguments: [[0], [-1], [10, 10], [100, 10]]) func boundariesMustAscend(boundaries: [Int]) {
    #expect(throws: CategoryGroupsError.self) { try CategoryGroups(counts: counts([1]), boundaries: boundaries) }
  }

  /// LVIS's own counts, against the numbers of the paper and of the official code.
  @Test(
    .enabled(if: sharedDataPath("lvis_v1_train_categories.json") != nil),
    arguments: [
      ("lvis_v1_train_categories.json", [200, 412, 334, 257], [770, 16328, 116149, 1_136_894]),
      ("lvis_v0.5_train_categories.json", [294, 453, 302, 181], [1186, 17042, 108935, 566795]),
    ]) func groupsOfLVIS(file: String, classes: [Int], instances: [Int]) throws
  {
    let dataset = try LVISDataset(contentsOf: #require(sharedDataPath(file)))
    let groups = try CategoryGroups(counts: dataset.categoryCounts())
    #expect(groups.classesByGroup.map(\.count) == classes)
    #expect(groups.classesByGroup.map { $0.reduce(0) { $0 + groups.members[$1].instanceCount } } == instances)
  }
}
