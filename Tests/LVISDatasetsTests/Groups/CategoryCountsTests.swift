import LVISDatasets
import Testing

@Suite struct CategoryCountsTests {
  private func dataset(_ pairs: [(image: Int, category: Int, isCrowd: Bool)], stated: Int? = nil) -> LVISDataset {
    LVISDataset(
      images: [5, 1, 9].map { LVISImage(id: $0, width: 1, height: 1) },
      categories: [30, 2, 700].map {
        LVISCategory(id: $0, name: "c\($0)", statedInstanceCount: stated, statedImageCount: stated)
      },
      annotations: pairs.enumerated().map {
        LVISAnnotation(
          id: $0, imageID: $1.image, categoryID: $1.category, box: BoundingBox(x: 0, y: 0, width: 1, height: 1),
          isCrowd: $1.isCrowd)
      })
  }

  @Test func countsInstancesAndImages() throws {
    let dataset = dataset([
      (5, 2, false), (1, 2, false), (5, 2, false), (9, 30, false), (9, 30, true), (1, 30, true), (5, 4, false),
    ])
    let counts = try dataset.categoryCounts()
    #expect(counts.map(\.id) == [2, 30, 700])
    #expect(counts.map(\.instances) == [3, 1, 0])
    #expect(counts.map(\.images) == [2, 1, 0])
  }

  @Test func countsAsAPlainCountDoes() throws {
    var pairs: [(Int, Int, Bool)] = []
    for _ in 0..<500 {
      pairs.append(([1, 5, 9].randomElement() ?? 1, [2, 30, 700].randomElement() ?? 2, Int.random(in: 0..<5) == 0))
    }
    let counts = try dataset(pairs).categoryCounts()
    for count in counts {
      let own = pairs.filter { $0.1 == count.id && !$0.2 }
      #expect(count.instances == own.count)
      #expect(count.images == Set(own.map(\.0)).count)
    }
  }

  @Test func takesStatedCountsWhereAsked() throws {
    let dataset = dataset([(5, 2, false)], stated: 7)
    #expect(try dataset.categoryCounts(from: .categories).map(\.instances) == [7, 7, 7])
    #expect(try dataset.categoriesThatStateOtherCounts(than: dataset.categoryCounts()) == [2, 30, 700])
    #expect(try self.dataset([], stated: 7).categoryCounts().map(\.images) == [7, 7, 7])
  }

  @Test func saysWhatIsMissing() {
    #expect(throws: CategoryGroupsError.self) { try dataset([]).categoryCounts() }
    #expect(throws: CategoryGroupsError.self) { try dataset([], stated: 1).categoryCounts(from: .annotations) }
    #expect(throws: CategoryGroupsError.self) { try dataset([(5, 2, false)]).categoryCounts(from: .categories) }
  }
}
