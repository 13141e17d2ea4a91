import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets
import TestSupport
import Testing

/// What does not fit between a head, annotations and features; each finding with the fault, and without.
@Suite struct LinearHeadFindingsTests {
  private func categories(_ groups: CategoryGroups) -> [LVISCategory] {
    groups.members.map { LVISCategory(id: $0.id, name: $0.name) }
  }

  @Test func aHeadThatFitsHasNone() throws {
    let head = try exampleHead(SoftmaxLayout(classCount: 8))
    #expect(head.findings(categories: categories(head.groups), featureCount: 5) == [])
    #expect(head.findings(categories: nil) == [])
  }

  @Test func otherFeatures() throws {
    let fault = try #require(
      try exampleHead(SoftmaxLayout(classCount: 8)).findings(categories: nil, featureCount: 6)[.headInputs])
    #expect(fault.severity == .error && fault.message.contains("takes 5 features of a RoI, but there are 6"))
  }

  @Test func otherCategories() throws {
    let head = try exampleHead(SoftmaxLayout(classCount: 8))
    var list = categories(head.groups)
    list.removeLast()
    list.append(LVISCategory(id: 500, name: "new"))
    let some = try #require(head.findings(categories: list)[.headCategories])
    #expect(some.severity == .warning && some.count == 2 && some.example == "category 22")
    let none = try #require(
      head.findings(categories: [LVISCategory(id: 500, name: "a"), LVISCategory(id: 501, name: "b")])[.headCategories])
    #expect(none.severity == .error && none.remedy == "is the head of another data set?")
  }

  @Test func otherNames() throws {
    let head = try exampleHead(SoftmaxLayout(classCount: 8))
    var list = categories(head.groups)
    list[1].name = "quince"
    let fault = try #require(head.findings(categories: list)[.headNames])
    #expect(fault.count == 1 && fault.example == "category 4: “apple” and “quince”")
  }

  @Test func classesWhoseWeightsAreZero() throws {
    var head = try exampleHead(SoftmaxLayout(classCount: 8))
    for column in 0..<5 { head.weight[head.layout.logit(ofClass: 2), column] = 0 }
    let fault = try #require(head.findings(categories: nil)[.untrainedClasses])
    #expect(fault.severity == .warning && fault.count == 1 && fault.example == "category 7 (fig)")
    // Cosines know no length.
    #expect(try exampleHead(CosineLayout(classCount: 8)).findings(categories: nil) == [])
  }
}
