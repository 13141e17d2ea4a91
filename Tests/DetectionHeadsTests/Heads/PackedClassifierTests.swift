import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets
import TestSupport
import Testing

@Suite struct PackedClassifierTests {
  @Test(arguments: [1, 4, 40, 70], [1, 3, 260]) func scoresAreThoseOfTheHead(classCount: Int, count: Int) throws {
    let groups = try CategoryGroups(instances: (0..<classCount).map { [3, 40, 400, 5000][$0 % 4] })
    for layout in [GroupedLayout(groups: groups), SoftmaxLayout(classCount: classCount)] as [any LogitLayout] {
      let head = try exampleHead(layout, inputs: 37, groups: groups)
      let packed = try #require(PackedClassifier(head))
      var generator = SeededGenerator(seed: 9)
      let features = (0..<count * 37).map { _ in Float(standardNormal(using: &generator)) }
      let scores = scores(packed, features, count: count)
      #expect(largestDifference(scores, self.scores(head, features, count: count).map { Double($0) }) < 1e-5)
      // A RoI's scores do not depend on its neighbours.
      #expect(Array(scores.suffix(classCount)) == self.scores(packed, Array(features.suffix(37)), count: 1))
    }
  }

  @Test func otherLogitsAreLeftToTheHead() throws {
    let groups = try exampleGroups()
    let layout = GroupedLayout(groups: groups)
    #expect(PackedClassifier(try exampleHead(StagedLayout(layout, stageCount: 2), inputs: 6)) == nil)
  }

  private func scores(_ scorer: some RoIScorer, _ features: [Float], count: Int) -> [Float] {
    var scratch = [Float](repeating: .nan, count: count * scorer.scratchCount)
    var scores = [Float](repeating: .nan, count: count * scorer.classCount)
    scorer.score(features: features, count: count, scratch: &scratch, into: &scores)
    return scores
  }
}
