import LVISDatasets
import TestSupport
import Testing

/// Each finding on a small set that has the fault; the set without a fault has none.
@Suite struct DatasetInspectionTests {
  private func findings(_ change: (inout LVISDataset) -> Void) -> [DataFinding] {
    var dataset = FaultlessSet().dataset
    change(&dataset)
    return dataset.inspection()
  }

  @Test func aFaultlessSetHasNone() {
    #expect(findings { _ in } == [])
  }

  @Test func gapsBetweenCategoryIDs() throws {
    let gap = try #require(FaultlessSet(categoryIDs: [1, 2, 5, 6, 9]).dataset.inspection()[.categoryIDGaps])
    #expect(gap.severity == .note && gap.count == 4 && gap.message.contains("1–9"))
    #expect(gap.example == "2 is followed by 5")
    // Wherever they begin.
    #expect(FaultlessSet(categoryIDs: [7, 8, 9]).dataset.inspection()[.categoryIDGaps] == nil)
    // As far apart as can be.
    let far = LVISDataset(
      images: [], categories: [LVISCategory(id: .min, name: "a"), LVISCategory(id: .max, name: "b")], annotations: [])
    #expect(far.inspection()[.categoryIDGaps] != nil)
  }

  @Test func aCategoryOfIDZero() throws {
    let zero = try #require(FaultlessSet(categoryIDs: [0, 1, 2]).dataset.inspection()[.categoryZero])
    #expect(zero.severity == .note && zero.message.contains("class 0"))
  }

  @Test func namesThatStandTwice() throws {
    let twins = try #require(findings { $0.categories[3].name = "class 2" }[.repeatedNames])
    #expect(twins.severity == .warning && twins.count == 2 && twins.example == "“class 2”: ids 2, 4")
  }

  @Test func categoriesWithoutObjects() throws {
    let empty = try #require(
      findings { $0.categories.append(LVISCategory(id: 6, name: "rare", frequency: .rare)) }[.emptyCategories])
    #expect(empty.severity == .note && empty.count == 1 && empty.example == "category 6 (rare)")
  }

  @Test func countsThatDisagree() throws {
    func state(_ dataset: inout LVISDataset, others: Int) throws {
      for (place, count) in try dataset.categoryCounts(from: .annotations).enumerated() {
        dataset.categories[place].statedInstanceCount = count.instances + (place < others ? 7 : 0)
      }
    }
    var dataset = FaultlessSet().dataset
    try state(&dataset, others: 0)
    #expect(dataset.inspection() == [])
    try state(&dataset, others: 2)
    let some = try #require(dataset.inspection()[.statedCounts])
    #expect(some.severity == .warning && some.count == 2 && some.message.contains("ids 1, 2"))
    // All differ: those of another split.
    try state(&dataset, others: 5)
    let all = try #require(dataset.inspection()[.statedCounts])
    #expect(all.severity == .note && all.count == 5)
  }

  @Test func imagesWithoutAnnotations() throws {
    let few = try #require(
      findings { $0.images += (100..<103).map { LVISImage(id: $0, width: 9, height: 9) } }[.imagesWithoutAnnotations])
    #expect(few.severity == .note && few.count == 3 && few.example == "image 100")
    let many = try #require(
      findings { $0.images += (100..<124).map { LVISImage(id: $0, width: 9, height: 9) } }[.imagesWithoutAnnotations])
    #expect(many.severity == .warning && many.count == 24)
  }

  @Test func boxesThatStandTwice() throws {
    let twins = try #require(
      findings { dataset in
        for place in 0..<3 {
          var again = dataset.annotations[place]
          again.id = 1000 + place
          dataset.annotations.append(again)
        }
      }[.repeatedBoxes])
    #expect(twins.severity == .warning && twins.count == 3 && twins.example?.hasPrefix("annotations[144]") == true)
    // The same box of another category is no repetition.
    #expect(
      findings { dataset in
        var again = dataset.annotations[0]
        again.id = 1000
        again.categoryID = again.categoryID % 5 + 1
        dataset.annotations.append(again)
      }[.repeatedBoxes] == nil)
  }

  @Test func boxesLessThanAPixel() throws {
    let tiny = try #require(findings { $0.annotations[7].box.height = 0.25 }[.tinyBoxes])
    #expect(tiny.severity == .note && tiny.count == 1 && tiny.example?.hasPrefix("annotations[7]") == true)
  }

  @Test func crowds() throws {
    let crowds = try #require(findings { $0.annotations[3].isCrowd = true }[.crowds])
    #expect(crowds.severity == .note && crowds.count == 1)
  }

  @Test func itSaysAllThatReadingAndContentSay() {
    let found = findings { $0.annotations[2].box.width = -5 }
    #expect(found[.negativeBoxes]?.example?.hasPrefix("annotations[2]") == true)
    #expect(findings { $0.annotations = [] }[.noAnnotations] != nil)
  }
}
