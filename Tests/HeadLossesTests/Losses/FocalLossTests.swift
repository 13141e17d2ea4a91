import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Against mmdetection 1 and torchvision, which agree (`case_sigmoid_focal_1.json`).
@Suite struct FocalLossTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    let cases = try GoldenCase.losses("case_sigmoid_focal_1.json")
    #expect(cases.count == 4)
    for golden in cases {
      let kept = weightedRows(golden.inputs["label_weights"])
      let all = numbers(golden.inputs["logits"])
      let columns = all.count / numbers(golden.inputs["label_weights"]).count
      let labels = labelsWithBackgroundLast(golden.inputs["labels"], classCount: columns)
      var values = rows(kept, of: all.map { Scalar($0) }, columns: columns)
      let loss = focalLoss(
        logits: &values, rows: 0..<kept.count, columns: columns, targets: kept.map { labels[$0] },
        alpha: Scalar(try #require(numbers(golden.hyperparameters["alpha"]).first)),
        gamma: Scalar(try #require(numbers(golden.hyperparameters["gamma"]).first)),
        divisor: Scalar(try #require(numbers(golden.inputs["avg_factor"]).first)))
      #expect(largestDifference([loss], numbers(golden.outputs["total_loss"])) < tolerance, "\(golden)")
      let gradient = rows(kept, of: numbers(golden.outputs["grad_logits"]), columns: columns)
      #expect(largestDifference(values, gradient) < tolerance, "\(golden)")
    }
  }

  @Test(arguments: [0, 0.5, 1, 2, 5])
  func gradientMatchesFiniteDifferences(gamma: Double) {
    let targets: [Int32] = [1, -1, 4]
    expectGradient(at: randomLogits(15, seed: 3, scale: 2)) { logits in
      focalLoss(logits: &logits, rows: 0..<3, columns: 5, targets: targets, alpha: 0.3, gamma: gamma, divisor: 2)
    }
  }
}
