import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import TestSupport
import Testing

/// Against the authors' files (`case_iif_1.json`), whose background is last.
@Suite struct InverseImageFrequencyTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-11) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_iif_1.json") {
      let weights = try weights(golden)
      #expect(try largestDifference(weights + [1], golden.outputs.numbers("weights")) < 1e-11, "\(golden)")
      let columns = weights.count + 1
      let logits = try golden.inputs.matrix("logits", columns: columns, as: scalar)
      let targets = try golden.inputs.labels(count: logits.rows, classCount: weights.count, background: .last)
        .map { $0 < 0 ? Int32(weights.count) : $0 }
      var values = logits.storage
      let loss = weightedLogitCrossEntropy(
        logits: &values, rows: 0..<logits.rows, columns: columns, targets: targets,
        scales: (weights + [1]).map { Scalar($0) }, divisor: Scalar(logits.rows))
      #expect(try relativeDifference(loss, golden.outputs.number("total_loss")) < tolerance, "\(golden)")
      #expect(try largestDifference(values, golden.outputs.numbers("grad_logits")) < tolerance, "\(golden)")
    }
  }

  @Test func scoresMatchTheReference() throws {
    for golden in try GoldenCase.losses("case_iif_1.json") {
      let weights = try weights(golden)
      let logits = try golden.inputs.matrix("logits", columns: weights.count + 1, as: Float.self)
      let expected = try golden.outputs.matrix("scores", columns: weights.count + 1, as: Double.self)
      var values = (0..<logits.rows).flatMap { [logits[$0, weights.count]] + logits.row($0).prefix(weights.count) }
      var scores = [Float](repeating: 0, count: logits.rows * weights.count)
      let objective = InverseFrequencyObjective(weights: weights)
      objective.layout.scores(logits: &values, count: logits.rows, into: &scores)
      let foreground = (0..<expected.rows).flatMap { Array(expected.row($0).prefix(weights.count)) }
      #expect(largestDifference(scores, foreground) < 1e-5, "\(golden)")
    }
  }

  private func weights(_ golden: GoldenCase) throws -> [Double] {
    // The label of an edge case is its variant, where it has one.
    let name = golden.label.hasSuffix("_obj") ? String(golden.label.dropLast(4)) : golden.label
    let link = name == "prob" ? .relative : FrequencyLink(rawValue: name) ?? .raw
    let ofInstances = golden.label.hasSuffix("_obj")
    let counts = try golden.inputs.integers(ofInstances ? "instance_counts" : "image_counts")
    return inverseFrequencyWeights(
      counts: counts,
      total: ofInstances ? counts.reduce(0, +) : try golden.inputs.integer("image_count", in: 1...1_000_000),
      link: link)
  }

  @Test func noWeightIsInfiniteOrNothing() {
    for link in FrequencyLink.allCases {
      for total in [0, 1, 5, 100] {
        #expect(inverseFrequencyWeights(counts: [0, 1, 5, 100], total: total, link: link).allSatisfy { $0.isFinite })
      }
    }
    #expect(inverseFrequencyWeights(counts: [100], total: 100)[0] > 0)
  }

  /// A head of another layout scores the same when it starts from a softmax head, and the other way round.
  @Test func aHeadKeepsItsScoresBetweenLayouts() throws {
    let softmax = try exampleHead(SoftmaxLayout(classCount: 8))
    let scales: [Float] = [1, 0.5, 2, 8, 0.25, 1, 3, 5, 7]
    var scaled = try exampleHead(ScaledLayout(scales: scales))
    scaled.bias = Array(repeating: 9, count: 9)
    try scaled.copyClasses(from: softmax)
    var generator = SeededGenerator(seed: 1)
    let features: Matrix<Float> = randomMatrix(rows: 6, columns: 5, using: &generator)
    let expected = softmax.scores(for: features).storage.map { Double($0) }
    var back = try exampleHead(SoftmaxLayout(classCount: 8))
    try back.copyClasses(from: scaled)
    let rows = softmax.weight.storage.suffix(40).map { Double($0) }
    #expect(largestDifference(Array(back.weight.storage.suffix(40)), rows) < 1e-6)
    scaled.bias[0] = softmax.bias[0]
    for column in 0..<5 { scaled.weight[0, column] = softmax.weight[0, column] }
    #expect(largestDifference(scaled.scores(for: features).storage, expected) < 1e-5)
  }
}
