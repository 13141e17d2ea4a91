import DenseLinearAlgebra
import DetectionHeads
import Foundation
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

@Suite struct ClassCompetitionTests {
  /// σ(z_c) (e^{z_c} / Σ e^z)^κ, and the objectness as it was.
  @Test(arguments: SigmoidLayout.Background.allCases, [0, 0.25, 1])
  func scoresFollowTheFormula(background: SigmoidLayout.Background, exponent: Double) throws {
    let base = SigmoidLayout(classCount: 4, background: background)
    let head = try identityHead(base, counts: [3, 500, 40, 9])
    let logits = Matrix<Float>(
      rows: 3, columns: base.logitCount,
      values: (0..<3 * base.logitCount).map { Float(($0 * 7) % 11) - 5 + ($0 == 0 ? 60 : 0) })
    let found = try head.competing(exponent: exponent).scores(for: logits)
    let plain = head.scores(for: logits)
    for row in 0..<3 {
      let z = (0..<4).map { Double(logits[row, base.logit(ofClass: $0)]) }
      let largest = try #require(z.max())
      let sum = z.reduce(0) { $0 + exp($1 - largest) }
      for index in 0..<4 {
        let share = exp(z[index] - largest) / sum
        #expect(abs(Double(found[row, index]) - Double(plain[row, index]) * pow(share, exponent)) < 1e-6)
      }
    }
  }

  /// The head goes through its file, and adjustment before it is adjustment behind it.
  @Test func isKeptAndAdjusted() throws {
    let head = try identityHead(SigmoidLayout(classCount: 3), counts: [3, 500, 40])
    let competing = try head.competing(exponent: 0.5)
    let read = try withTemporaryFolder { folder in
      try competing.write(to: "\(folder)/h.safetensors")
      return try LinearHead(contentsOf: "\(folder)/h.safetensors")
    }
    #expect(read.layout as? CompetingSigmoidLayout == competing.layout as? CompetingSigmoidLayout)
    #expect(read.layout.name == "competing-sigmoid")
    let (before, behind) = (
      try head.logitAdjusted(tau: 0.4).competing(exponent: 0.5), try competing.logitAdjusted(tau: 0.4)
    )
    #expect(before.bias == behind.bias && before.layout.name == behind.layout.name)
    #expect(try head.competing(exponent: 0.5, tau: 0.4).bias == before.bias)
    #expect(throws: LinearHeadError.self) {
      try identityHead(SoftmaxLayout(classCount: 3), counts: [3, 500, 40]).competing(exponent: 0.5)
    }
  }
}
