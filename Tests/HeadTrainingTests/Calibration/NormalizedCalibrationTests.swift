import DenseLinearAlgebra
import DetectionHeads
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Against the authors' code (`case_norcal_1.json`), whose background is last.
@Suite struct NormalizedCalibrationTests {
  /// Every γ that the case has answers for; scaling probabilities and renormalising is the same thing.
  @Test func scoresMatchTheReference() throws {
    let (prefix, suffixes) = ("gamma_", ["_exps_renorm", "_probs_renorm"])
    for golden in try GoldenCase.losses("case_norcal_1.json", where: { !$0.outputs.has("scores") }) {
      var compared = 0
      for name in golden.outputs.names where name.hasPrefix(prefix) {
        guard let suffix = suffixes.first(where: { name.hasSuffix($0) }) else { continue }
        let gamma = try #require(Double(name.dropFirst(prefix.count).dropLast(suffix.count)), "\(name)")
        try check(golden, gamma: gamma, expected: golden.outputs.numbers(name))
        compared += 1
      }
      #expect(compared > 0, "\(golden)")
    }
  }

  @Test func edgeCasesMatchTheReference() throws {
    let cases = try GoldenCase.losses("case_norcal_1.json", having: ["scores"]) {
      try !$0.inputs.integers("class_counts").contains(0)
    }
    for golden in cases {
      let gamma = try golden.hyperparameters.number("gamma")
      try check(golden, gamma: gamma, expected: golden.outputs.numbers("scores"))
    }
  }

  /// The official code gives no number in any row there.
  @Test func aClassWithoutImagesCountsAsOne() throws {
    let cases = try GoldenCase.losses("case_norcal_1.json", having: ["scores"]) {
      try $0.inputs.integers("class_counts").contains(0)
    }
    for golden in cases {
      let counts = try golden.inputs.integers("class_counts")
      #expect(try golden.outputs.numbers("scores").contains { $0.isNaN })
      let shifts = normalizedCalibrationShifts(imageCounts: counts, gamma: 0.6)
      #expect(shifts == normalizedCalibrationShifts(imageCounts: counts.map { max(1, $0) }, gamma: 0.6))
      #expect(zip(shifts, counts).allSatisfy { $0.isFinite && ($1 > 1 || $0 == 0) })
    }
  }

  /// The shifts in double precision, and a head that has the logits as its features in single precision.
  private func check(_ golden: GoldenCase, gamma: Double, expected: [Double]) throws {
    let counts = try golden.inputs.integers("class_counts")
    let columns = counts.count + 1
    let logits = try golden.inputs.matrix("logits", columns: columns, as: Double.self)
    let shifts = normalizedCalibrationShifts(imageCounts: counts, gamma: gamma) + [0]
    let scores = (0..<logits.rows).flatMap { row in
      var z = zip(logits.row(row), shifts).map { $0 + $1 }
      _ = Double.softmax(&z, count: columns)
      return z
    }
    #expect(largestDifference(scores, expected) < 1e-12, "\(golden), γ \(gamma)")

    // Background last becomes background first; row r of the weight picks logit r.
    let order = [columns - 1] + (0..<columns - 1)
    let identity = order.flatMap { source in (0..<columns).map { Float($0 == source ? 1 : 0) } }
    let groups = try CategoryGroups(instances: counts.map { _ in 7 }, images: counts)
    let head = try LinearHead(
      weight: Matrix(rows: columns, columns: columns, values: identity), bias: Array(repeating: 0, count: columns),
      layout: SoftmaxLayout(classCount: counts.count), groups: groups, method: "softmax"
    ).normalizedCalibrated(gamma: gamma)
    let found = head.scores(for: try golden.inputs.matrix("logits", as: Float.self))
    let foreground = expected.enumerated().filter { $0.offset % columns < columns - 1 }.map(\.element)
    #expect(largestDifference(found.storage, foreground) < 1e-5, "\(golden), γ \(gamma)")
  }

  @Test func refusesAHeadWithoutOneSoftmax() throws {
    let groups = try exampleGroups()
    var generator = SeededGenerator(seed: 0)
    let head = LinearHead(
      inputs: 3, layout: GroupedLayout(groups: groups), groups: groups, method: "bags", using: &generator)
    #expect(throws: LinearHeadError.self) { try head.normalizedCalibrated(gamma: 1) }
  }
}
