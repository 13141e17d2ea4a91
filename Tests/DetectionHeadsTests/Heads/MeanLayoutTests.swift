import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

@Suite struct MeanLayoutTests {
  private func parts() throws -> [LinearHead] {
    let groups = try exampleGroups()
    let two = try groups.divided(at: [100])
    return [
      try exampleHead(SoftmaxLayout(classCount: 8), method: "softmax"),
      try exampleHead(GroupedLayout(groups: two), groups: two, method: "bags"),
      try exampleHead(
        ShiftedSigmoidLayout(base: SigmoidLayout(classCount: 8), shifts: [0, 1, 2, 3, 4, 5, 6, -7]), method: "gol"),
    ]
  }

  private func features() -> Matrix<Float> {
    var generator = SeededGenerator(seed: 8)
    return Matrix(rows: 7, columns: 5, values: (0..<35).map { _ in Float(standardNormal(using: &generator)) })
  }

  @Test func scoresAreTheMeansOfThoseOfTheHeads() throws {
    let parts = try parts()
    let mean = try LinearHead.mean(of: parts)
    #expect(mean.method == "softmax++bags++gol" && mean.groups == parts[0].groups)
    #expect(mean.bias.count == parts.reduce(0) { $0 + $1.bias.count })
    let all = parts.map { $0.scores(for: features()) }
    let expected = all[0].storage.indices.map { index in
      all.reduce(0) { $0 + Double($1.storage[index]) } / 3
    }
    #expect(largestDifference(mean.scores(for: features()).storage, expected) < 1e-6)
    let norms = parts.map(\.classWeightNorms)
    #expect(
      largestDifference(
        mean.classWeightNorms.map(Float.init), norms[0].indices.map { index in norms.reduce(0) { $0 + $1[index] } / 3 })
        < 1e-5)
  }

  @Test func aFileKeepsTheBoundariesOfEveryPart() throws {
    let mean = try LinearHead.mean(of: parts())
    #expect(mean.layout.name == "mean(softmax;grouped-sigmoid@100;shifted-sigmoid)")
    try withTemporaryFolder { folder in
      try mean.write(to: "\(folder)/head.safetensors")
      let read = try LinearHead(contentsOf: "\(folder)/head.safetensors")
      #expect(read.scores(for: features()) == mean.scores(for: features()))
      #expect(read.layout.name == mean.layout.name && read.groups == mean.groups)
    }
  }

  /// Last layers that were trained on the output of a detector's convolutions, beside its own head.
  @Test func lastLayersStandBesideTheDetectorsOwnHead() throws {
    let groups = try exampleGroups()
    let layout = AnchoredLayout(SigmoidLayout(classCount: groups.classCount), anchorCount: 2)
    var generator = SeededGenerator(seed: 3)
    func head(_ method: String, layers: Int) throws -> LinearHead {
      var head = try exampleHead(layout, inputs: 36, groups: groups, method: method)
      head.tower = ConvolutionTower(layerCount: layers, channels: 4, normGroups: 2, using: &generator)
      return head
    }
    let (own, last) = (try head("own-head+competition", layers: 2), try head("ghm", layers: 0))
    for parts in [[own, last], [last, own]] {
      let mean = try LinearHead.mean(of: parts)
      #expect(mean.tower == own.tower && mean.isOfDetector)
      let onItsOutput = mean.forMaps(below: 0)
      #expect(onItsOutput.tower.isEmpty && onItsOutput.weight == mean.weight)
      try withTemporaryFolder { folder in
        try mean.write(to: "\(folder)/head.safetensors")
        #expect(try LinearHead(contentsOf: "\(folder)/head.safetensors").tower == own.tower)
      }
    }
    // Convolutions that were trained gave other maps than those of the last layer's training.
    let trained = try head("focal", layers: 2)
    #expect(throws: LinearHeadError.self) { try LinearHead.mean(of: [trained, last]) }
    #expect(throws: LinearHeadError.self) { try LinearHead.mean(of: [own, try head("own-head", layers: 2)]) }
    #expect(try LinearHead.mean(of: [last, last]).isOfDetector == false)
  }

  @Test func aTrainingThatStartsFromItStartsFromTheFirst() throws {
    let parts = try parts()
    var fresh = try exampleHead(SoftmaxLayout(classCount: 8), method: "fresh")
    fresh.bias = fresh.bias.map { _ in 0 }
    var same = fresh
    try fresh.copyClasses(from: try LinearHead.mean(of: parts))
    try same.copyClasses(from: parts[0])
    #expect(fresh.weight == same.weight && fresh.bias == same.bias)
  }

  @Test func refusesWhatDoesNotGoTogether() throws {
    let softmax = try exampleHead(SoftmaxLayout(classCount: 8))
    #expect(throws: LinearHeadError.self) { try LinearHead.mean(of: [softmax]) }
    #expect(throws: LinearHeadError.self) { try LinearHead.mean(of: []) }
    let mean = try LinearHead.mean(of: [softmax, softmax])
    let others = [
      try exampleHead(SoftmaxLayout(classCount: 8), inputs: 6), try exampleHead(CosineLayout(classCount: 8)), mean,
      try exampleHead(SoftmaxLayout(classCount: 3), groups: CategoryGroups(instances: [1, 2, 3])),
    ]
    for other in others { #expect(throws: LinearHeadError.self) { try LinearHead.mean(of: [softmax, other]) } }
    // Groups that a file could not divide the same way.
    let moved = try CategoryGroups(instances: [5, 5, 5, 5, 5, 5, 5, 5], ids: softmax.groups.members.map(\.id))
    let grouped = try exampleHead(GroupedLayout(groups: moved), groups: moved)
    #expect(throws: LinearHeadError.self) { try LinearHead.mean(of: [softmax, grouped]) }
  }

  @Test(arguments: ["mean()", "mean(softmax)", "mean(softmax;nothing)", "mean(softmax;grouped-sigmoid@x)"])
  func aFileWithANameThatIsNoneIsRefused(name: String) throws {
    try withTemporaryFolder { folder in
      let softmax = try exampleHead(SoftmaxLayout(classCount: 8))
      try writeSafetensors(
        softmax.tensors(), metadata: softmax.metadata().merging(["layout": name]) { $1 },
        to: "\(folder)/head.safetensors")
      #expect(throws: LinearHeadError.self) { try LinearHead(contentsOf: "\(folder)/head.safetensors") }
    }
  }
}
