import DenseLinearAlgebra
import DetectionHeads
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Against the authors' code (`case_norcal_1.json`), whose background is last.
@Suite struct NormalizedCalibrationTests {
  @Test(arguments: [0.0, 0.3, 0.6, 1]) func scoresMatchTheReference(gamma: Double) throws {
    let golden = try #require(try GoldenCase.losses("case_norcal_1.json").first)
    try check(golden, gamma: gamma, expected: numbers(golden.outputs["gamma_\(gamma)_exps_renorm"]))
  }

  /// Scaling probabilities and renormalising is the same thing.
  @Test func scalingProbabilitiesIsTheSame() throws {
    let golden = try #require(try GoldenCase.losses("case_norcal_1.json").first)
    try check(golden, gamma: 0.6, expected: numbers(golden.outputs["gamma_0.6_probs_renorm"]))
  }

  @Test(arguments: ["extreme_logits_60", "single_class"]) func edgeCasesMatchTheReference(label: String) throws {
    let golden = try #require(try GoldenCase.losses("case_norcal_1.json").first { $0.label == label })
    let gamma = try #require(numbers(golden.hyperparameters["gamma"]).first)
    try check(golden, gamma: gamma, expected: numbers(golden.outputs["scores"]))
  }

  /// The official code gives no number in any row there.
  @Test func aClassWithoutImagesCountsAsOne() throws {
    let golden = try #require(try GoldenCase.losses("case_norcal_1.json").first { $0.label == "zero_count_class" })
    let counts = integers(golden.inputs["class_counts"])
    #expect(counts.contains(0) && numbers(golden.outputs["scores"]).contains { $0.isNaN })
    let shifts = normalizedCalibrationShifts(imageCounts: counts, gamma: 0.6)
    #expect(shifts == normalizedCalibrationShifts(imageCounts: counts.map { max(1, $0) }, gamma: 0.6))
    #expect(zip(shifts, counts).allSatisfy { $0.isFinite && ($1 > 1 || $0 == 0) })
  }

  /// The shifts in double precision, and a head that has the logits as its features in single precision.
  private func check(_ golden: GoldenCase, gamma: Double, expected: [Double]) throws {
    let counts = integers(golden.inputs["class_counts"])
    let columns = counts.count + 1
    let logits = matrix(golden.inputs["logits"], columns: columns, as: Double.self)
    let shifts = normalizedCalibrationShifts(imageCounts: counts, gamma: gamma) + [0]
    let scores = (0..<logits.rows).flatMap { row in
      var z = zip(logits.row(row), shifts).map { $0 + $1 }
      _ = Double.softmax(&z, count: columns)
      return z
    }
    #expect(largestDifference(scores, expected) < 1e-12)

    // Background last becomes background first; row r of the weight picks logit r.
    let order = [columns - 1] + (0..<columns - 1)
    let identity = order.flatMap { source in (0..<columns).map { Float($0 == source ? 1 : 0) } }
    let groups = try CategoryGroups(
      counts: counts.enumerated().map { CategoryCount(id: $0, name: "\($0)", instances: 7, images: $1) })
    let head = try LinearHead(
      weight: Matrix(rows: columns, columns: columns, values: identity), bias: Array(repeating: 0, count: columns),
      layout: SoftmaxLayout(classCount: counts.count), groups: groups, method: "softmax"
    ).normalizedCalibrated(gamma: gamma)
    let found = head.scores(for: matrix(golden.inputs["logits"], columns: columns, as: Float.self))
    let foreground = expected.enumerated().filter { $0.offset % columns < columns - 1 }.map(\.element)
    #expect(largestDifference(found.storage, foreground) < 1e-5)
  }

  @Test func refusesAHeadWithoutOneSoftmax() throws {
    let groups = try exampleGroups()
    var generator = SeededGenerator(seed: 0)
    let head = LinearHead(
      inputs: 3, layout: GroupedLayout(groups: groups), groups: groups, method: "bags", using: &generator)
    #expect(throws: LinearHeadError.self) { try head.normalizedCalibrated(gamma: 1) }
  }
}
