import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets
import TestSupport
import Testing

@Suite struct TauNormSelectTests {
  /// Class 0 is frequent with a long row, class 1 rare with a short one, which τ-norm makes longer.
  private func head() throws -> LinearHead {
    let groups = try CategoryGroups(counts: [
      CategoryCount(id: 1, name: "frequent", instances: 500, images: 400),
      CategoryCount(id: 2, name: "rare", instances: 5, images: 5),
    ])
    return try LinearHead(
      weight: Matrix(rows: 3, columns: 2, values: [0, 0, 4, 0, 0, 0.5]), bias: [0, 0, 0],
      layout: SoftmaxLayout(classCount: 2), groups: groups, method: "softmax")
  }

  @Test func takesNormedScoresWhereTheyFindATailClassOnForeground() throws {
    let plain = try head()
    let normed = try plain.tauNormalized(tau: 1)
    let selected = try plain.tauSelected(tau: 1)
    let features = Matrix<Float>(
      rows: 4, columns: 2,
      values: [
        0.5, 1,  // plain: frequent (2 to .5); normed: rare (.5 to 1): selected
        1, 0.5,  // both find the frequent class: plain
        -1, -1,  // both find background: plain
        -0.1, 2,  // plain finds the rare class too: selected
      ])
    let scores = selected.scores(for: features)
    let (a, b) = (plain.scores(for: features), normed.scores(for: features))
    for (row, expected) in [b, a, a, b].enumerated() {
      #expect(largestDifference(scores.row(row), expected.row(row).map { Double($0) }) < 1e-6, "row \(row)")
    }
    #expect(a.row(0) != b.row(0))
    try withTemporaryFolder { folder in
      try selected.write(to: "\(folder)/head.safetensors")
      #expect(try LinearHead(contentsOf: "\(folder)/head.safetensors").scores(for: features) == scores)
    }
  }

  /// The plain classifier says background: plain scores, though the normed one finds a tail class.
  @Test func leavesBackgroundAlone() throws {
    var plain = try head()
    plain.bias = [0.8, 0, 0]
    let features = Matrix<Float>(rows: 1, columns: 2, values: [-1, 1])
    #expect(
      largestDifference(
        try plain.tauSelected(tau: 1).scores(for: features).storage,
        plain.scores(for: features).storage.map { Double($0) }) < 1e-6)
  }

  @Test func refusesWhatHasNoTailOrNoSoftmax() throws {
    #expect(throws: LinearHeadError.self) { try head().tauSelected(tau: 1, tailBelow: 5) }
    #expect(throws: LinearHeadError.self) { try head().tauSelected(tau: 1).tauSelected(tau: 1) }
    #expect(throws: LinearHeadError.self) { try head().tauSelected(tau: 1).tauNormalized(tau: 1) }
  }
}
