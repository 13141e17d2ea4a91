import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

@Suite struct LinearHeadTests {
  @Test(arguments: [GroupedLayout.Background.sigmoid, .official])
  func comesBackFromItsFile(background: GroupedLayout.Background) throws {
    let groups = try exampleGroups()
    var generator = SeededGenerator(seed: 1)
    var head = LinearHead(
      inputs: 5, layout: GroupedLayout(groups: groups, background: background), groups: groups, method: "bags",
      using: &generator)
    head.bias[3] = -2.5
    try withTemporaryFolder { folder in
      try head.write(to: "\(folder)/head.safetensors")
      let read = try LinearHead(contentsOf: "\(folder)/head.safetensors")
      #expect(read.weight == head.weight && read.bias == head.bias && read.groups == groups)
      #expect(read.layout.name == "grouped-\(background)" && read.method == "bags")
    }
  }

  @Test func readsABareSoftmaxHead() throws {
    let groups = try exampleGroups()
    try withTemporaryFolder { folder in
      let path = "\(folder)/bare.safetensors"
      try writeSafetensors(
        [
          NamedTensor("fc_cls.weight", floats: (0..<18).map { Float($0) }, shape: [9, 2]),
          NamedTensor("fc_cls.bias", floats: [Float](repeating: 0, count: 9), shape: [9]),
        ], to: path)
      let head = try LinearHead(contentsOf: path, groups: groups)
      #expect(head.layout.name == "softmax" && head.layout.backgroundLogits == [0])
      #expect(head.classWeightNorms[0] == (4.0 + 9.0).squareRoot())
      #expect(throws: LinearHeadError.self) { try LinearHead(contentsOf: path) }
    }
  }

  @Test func namesWhatIsWrongWithAFile() throws {
    let groups = try exampleGroups()
    func message(_ rows: Int, _ biases: Int, value: Float = 1, metadata: [String: String] = [:]) throws -> String {
      try withTemporaryFolder { folder in
        let path = "\(folder)/head.safetensors"
        try writeSafetensors(
          [
            NamedTensor("fc_cls.weight", floats: [Float](repeating: value, count: rows * 2), shape: [rows, 2]),
            NamedTensor("fc_cls.bias", floats: [Float](repeating: 0, count: biases), shape: [biases]),
          ], metadata: metadata, to: path)
        let error = #expect(throws: (any Error).self) { try LinearHead(contentsOf: path, groups: groups) }
        return "\(error.map { "\($0)" } ?? "")"
      }
    }
    #expect(try message(8, 8).contains("8 rows; a softmax head for the 8 categories of the annotations has 9"))
    #expect(try message(9, 8).contains("fc_cls.bias [8]"))
    #expect(try message(9, 9, value: .nan).contains("row 0 of fc_cls is not finite"))
    #expect(try message(9, 9, metadata: ["layout": "cubic"]).contains("\"cubic\" is not known"))
    #expect(
      try message(9, 9, metadata: ["layout": "grouped-sigmoid"])
        .contains("9 rows; a grouped-sigmoid head for the 8 categories of the annotations has 13"))
    #expect(try message(9, 9, metadata: ["groups": "{}"]).contains("format is missing"))
  }

  @Test func copiesClassRowsIntoTheirGroupSlots() throws {
    let groups = try exampleGroups()
    var generator = SeededGenerator(seed: 1)
    var softmax = LinearHead(
      inputs: 3, layout: SoftmaxLayout(classCount: 8), groups: groups, method: "softmax", using: &generator)
    for index in 0..<9 { softmax.bias[index] = Float(index) }
    let layout = GroupedLayout(groups: groups)
    var grouped = LinearHead(inputs: 3, layout: layout, groups: groups, method: "bags", using: &generator)
    let before = grouped
    try grouped.copyClasses(from: softmax)
    // Groups of the example: classes 0 and 3, 2 and 4, 1 and 6, 5 and 7; G0 and `others` come before each.
    #expect(grouped.bias == [0, 0, 1, 4, 0, 3, 5, 0, 2, 7, 0, 6, 8])
    #expect(grouped.weight.row(2) == softmax.weight.row(1) && grouped.weight.row(12) == softmax.weight.row(8))
    #expect(grouped.weight.row(0) == before.weight.row(0) && grouped.weight.row(1) == before.weight.row(1))
  }

  /// Classes by id and counts of no matter.
  private func classes(_ list: KeyValuePairs<Int, String>) throws -> CategoryGroups {
    try CategoryGroups(counts: list.map { CategoryCount(id: $0, name: $1, instances: 1, images: 1) })
  }

  @Test func copiesTheClassesThatItHas() throws {
    let old = try classes([2: "pear", 5: "fig", 7: "nut"])
    var known = try exampleHead(SoftmaxLayout(classCount: 3), inputs: 2, groups: old)
    known.bias = [10, 11, 12, 13]
    func bias(_ groups: CategoryGroups, _ matching: ClassMatching) throws -> [Float] {
      var head = try exampleHead(SoftmaxLayout(classCount: groups.classCount), inputs: 2, groups: groups)
      head.bias = head.bias.map { _ in 0 }
      let before = head
      try head.copyClasses(from: known, matching: matching)
      for (row, bias) in head.bias.enumerated() {
        let expected = bias == 0 ? before.weight.row(row) : known.weight.row(Int(bias) - 10)
        #expect(head.weight.row(row) == expected)
      }
      return head.bias
    }
    // By id: 1 and 6 are new, 7 is another's; by name: ids do not count.
    #expect(try bias(classes([1: "kiwi", 2: "pear", 5: "nut", 6: "fig"]), .ids) == [10, 0, 11, 12, 0])
    #expect(try bias(classes([1: "kiwi", 2: "pear", 5: "nut", 6: "fig"]), .names) == [10, 0, 11, 13, 12])
    let none = #expect(throws: LinearHeadError.self) { try bias(classes([1: "a", 3: "b"]), .ids) }
    #expect(none?.description.contains("none of its 3 categories is among the 2 that are trained, by id") == true)
    let twice = #expect(throws: LinearHeadError.self) { try bias(classes([1: "pear", 3: "pear"]), .names) }
    #expect(twice?.description.contains("several categories are called 'pear'") == true)
  }
}
