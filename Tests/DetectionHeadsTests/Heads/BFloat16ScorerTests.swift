import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets
import TestSupport
import Testing

@Suite(.enabled(if: ProductPrecision.bfloat16.isAvailable, "this processor has no AVX-512 BF16"))
struct BFloat16ScorerTests {
  private static let layouts: [@Sendable (CategoryGroups) -> any LogitLayout] = [
    { GroupedLayout(groups: $0) }, { GroupedLayout(groups: $0, background: .official) },
    { GroupedLayout(groups: $0, background: .none) }, { SoftmaxLayout(classCount: $0.classCount) },
  ]

  private func head(_ layout: Int, classCount: Int = 100, inputs: Int = 70) throws -> LinearHead {
    let groups = try CategoryGroups(instances: (0..<classCount).map { 2 * $0 * $0 })
    var generator = SeededGenerator(seed: 1)
    return LinearHead(
      inputs: inputs, layout: Self.layouts[layout](groups), groups: groups, method: "test", deviation: 0.3,
      using: &generator)
  }

  private func scored(_ scorer: BFloat16Scorer, _ features: [Float], count: Int) -> (scores: [Float], bounds: [Float]) {
    var scratch = [Float](repeating: .nan, count: count * scorer.scratchCount)
    var scores = [Float](repeating: .nan, count: count * scorer.classCount)
    var bounds = [Float](repeating: .infinity, count: count)
    scorer.score(features: features, count: count, scratch: &scratch, into: &scores)
    _ = scorer.boundScores(features: features, count: count, scratch: &scratch, into: &bounds)
    return (scores, bounds)
  }

  @Test(arguments: layouts.indices, [1, 2, 3, 15, 16, 97]) func scoresAreNearTheHeads(layout: Int, count: Int) throws {
    let head = try head(layout)
    let scorer = try BFloat16Scorer(head)
    var generator = SeededGenerator(seed: 2)
    let features = (0..<count * head.inputs).map { _ in Float(standardNormal(using: &generator)) }
    let (scores, bounds) = scored(scorer, features, count: count)
    let exact = head.scores(for: Matrix(rows: count, columns: head.inputs, values: features)).storage
    // Logits of some ±2.5 from operands of 8 bits.
    #expect(zip(scores, exact).allSatisfy { abs($0 - $1) < 0.01 })
    #expect(scores != exact)
    for row in 0..<count {
      let best = scores[row * head.classCount..<(row + 1) * head.classCount].max() ?? 0
      #expect(best <= bounds[row] * 1.0001)
    }
  }

  /// One RoI at a time as all at once: the detections do not depend on which are scored together.
  @Test func aScoreDoesNotDependOnTheOthers() throws {
    let head = try head(0)
    let scorer = try BFloat16Scorer(head)
    var generator = SeededGenerator(seed: 2)
    let features = (0..<30 * head.inputs).map { _ in Float(standardNormal(using: &generator)) }
    let together = scored(scorer, features, count: 30).scores
    let apart = (0..<30).flatMap { row in
      scored(scorer, Array(features[row * head.inputs..<(row + 1) * head.inputs]), count: 1).scores
    }
    #expect(together == apart)
  }

  @Test func aHeadOfAnotherKindIsRefused() throws {
    let groups = try CategoryGroups(instances: [1, 20, 300])
    let cosine = try exampleHead(CosineLayout(classCount: 3, scale: 20), inputs: 8, groups: groups)
    #expect(!BFloat16Scorer.suits(cosine))
    #expect(throws: LinearHeadError.self) { try BFloat16Scorer(cosine) }
  }
}
