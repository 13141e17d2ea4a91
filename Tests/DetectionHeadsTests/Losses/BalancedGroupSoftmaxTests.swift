import DenseLinearAlgebra
import DetectionHeads
import TestSupport
import Testing

/// Against the official code's answers (`case_bags_1.json`), and against itself where there is no reference.
@Suite struct BalancedGroupSoftmaxTests {
  @Test func layoutMatchesOfficialRows() throws {
    func slices(_ sizes: [Int]) throws -> [Range<Int>] {
      let counts = zip(sizes, [1, 10, 100, 1000]).flatMap { Array(repeating: $1, count: $0) }
      let groups = try CategoryGroups(
        counts: counts.enumerated().map {
          CategoryCount(id: $0 + 1, name: "\($0)", instances: $1, images: $1)
        })
      let layout = GroupedLayout(groups: groups, background: .official)
      return [layout.backgroundSlice] + layout.slices
    }
    // METHODS §1: (start, length) of LVIS v0.5 and v1.
    #expect(try slices([294, 453, 302, 181]) == [0..<2, 2..<297, 297..<751, 751..<1054, 1054..<1236])
    #expect(try slices([200, 412, 334, 257]) == [0..<2, 2..<203, 203..<616, 616..<951, 951..<1209])
  }

  @Test func lossAndGradientMatchOfficialCodeInDouble() throws {
    for golden in try GoldenCase.losses("case_bags_1.json") where golden.inputs["cls_weight"] == nil {
      try check(golden, as: Double.self, tolerance: 1e-12)
    }
  }

  @Test func lossAndGradientMatchOfficialCodeInFloat() throws {
    for golden in try GoldenCase.losses("case_bags_1.json") where golden.inputs["cls_weight"] == nil {
      try check(golden, as: Float.self, tolerance: 1e-5)
    }
  }

  private func check<Scalar: DenseScalar>(
    _ golden: GoldenCase, as scalar: Scalar.Type, tolerance: Double
  ) throws {
    guard !golden.label.contains("Reweight") else { return }
    let layout = try officialLayout(golden)
    let loss = BalancedGroupSoftmax(groups: layout.groups, background: .official)
    let labels = integers(golden.inputs["labels"]).map { Int32($0 - 1) }
    let weights = integers(golden.inputs["sample_weights"])
    let kept = (1...4).map { group in
      labels.indices.filter { weights[group * labels.count + $0] == 1 }.map { Int32($0) }
    }
    let values = numbers(golden.inputs["logits"]).map { Scalar($0) }
    var logits = Matrix(rows: labels.count, columns: layout.logitCount, values: values)
    let losses = loss.losses(logits: &logits, labels: labels, keptRows: kept)
    #expect(largestDifference(losses, numbers(golden.outputs["per_group_losses"])) < tolerance, "\(golden)")
    #expect(
      largestDifference([losses.reduce(0, +)], numbers(golden.outputs["total_loss"])) < tolerance, "\(golden)")
    #expect(
      largestDifference(logits.storage, numbers(golden.outputs["grad_logits"])) < tolerance, "\(golden)")

    var scores = Matrix<Scalar>(rows: labels.count, columns: layout.classCount)
    var input = Matrix(rows: labels.count, columns: layout.logitCount, values: values)
    mergedScores(layout, &input, &scores)
    let merged = numbers(golden.outputs["merged_scores"])
    let foreground = merged.indices.filter { $0 % (layout.classCount + 1) != 0 }.map { merged[$0] }
    #expect(largestDifference(scores.storage, foreground) < tolerance, "\(golden)")
  }

  @Test func sampleSizesAndNormalisersMatchOfficialCode() throws {
    for golden in try GoldenCase.losses("case_bags_1.json") where !golden.label.contains("Reweight") {
      let layout = try officialLayout(golden)
      let labels = integers(golden.inputs["labels"]).map { Int32($0 - 1) }
      let ratio = try #require(numbers(golden.hyperparameters["others_sample_ratio"]).first)
      var loss = BalancedGroupSoftmax(groups: layout.groups, background: .official, othersRatio: ratio)
      var generator = SeededGenerator(seed: 1)
      let blocks = loss.blocks(labels: labels, using: &generator)
      var counts = [Int: Int](
        uniqueKeysWithValues: blocks.map { ($0.logits.lowerBound, $0.rowCount(batchCount: labels.count)) })
      let expected = numbers(golden.outputs["avg_factors"])
      #expect(counts.removeValue(forKey: 0) == Int(expected[0]), "\(golden)")
      for (slice, factor) in zip(layout.slices, expected.dropFirst()) {
        #expect(max(1, counts[slice.lowerBound] ?? 0) == Int(factor), "\(golden)")
      }
    }
  }

  @Test func sigmoidBackgroundIsTheSameFunctionAsTheOfficialPair() throws {
    let groups = try exampleGroups()
    let official = BalancedGroupSoftmax(groups: groups, background: .official)
    let sigmoid = BalancedGroupSoftmax(groups: groups, background: .sigmoid)
    var generator = SeededGenerator(seed: 3)
    let labels: [Int32] = [-1, 0, 3, 5, -1, 2, 7, -1]
    let kept = (0..<4).map { group in
      sampledRows(
        isPositive: labels.map { $0 >= 0 && groups.members[Int($0)].group == group }, othersRatio: 2,
        using: &generator)
    }
    var pair = randomMatrix(rows: labels.count, columns: official.layout.logitCount, using: &generator)
    var single = Matrix<Double>(rows: labels.count, columns: sigmoid.layout.logitCount)
    for row in 0..<labels.count {
      single[row, 0] = pair[row, 1] - pair[row, 0]
      for column in 1..<single.columns { single[row, column] = pair[row, column + 1] }
    }
    let a = official.losses(logits: &pair, labels: labels, keptRows: kept)
    let b = sigmoid.losses(logits: &single, labels: labels, keptRows: kept)
    #expect(largestDifference(a, b) < 1e-12)
    for row in 0..<labels.count {
      #expect(abs(single[row, 0] - pair[row, 1]) < 1e-12)
      for column in 1..<single.columns { #expect(abs(single[row, column] - pair[row, column + 1]) < 1e-12) }
    }
  }

  @Test(arguments: [GroupedLayout.Background.sigmoid, .official])
  func gradientMatchesFiniteDifferences(background: GroupedLayout.Background) throws {
    let loss = BalancedGroupSoftmax(groups: try exampleGroups(), background: background)
    let labels: [Int32] = [-1, 0, 3, 5, -1, 2, 7, 1]
    let kept: [[Int32]] = [[0, 1, 5], [2, 3, 7], [], [0, 1, 2, 3, 4, 5, 6, 7]]
    var generator = SeededGenerator(seed: 5)
    let logits = randomMatrix(rows: labels.count, columns: loss.layout.logitCount, using: &generator)
    var gradient = logits
    _ = loss.losses(logits: &gradient, labels: labels, keptRows: kept)
    for (row, column) in [(0, 0), (1, 1), (2, 4), (5, 2), (7, loss.layout.logitCount - 1), (6, 3)] {
      func value(_ shift: Double) -> Double {
        var moved = logits
        moved[row, column] += shift
        return loss.losses(logits: &moved, labels: labels, keptRows: kept).reduce(0, +)
      }
      let numeric = (value(1e-5) - value(-1e-5)) / 2e-5
      #expect(abs(numeric - gradient[row, column]) < 1e-8)
    }
  }

  private func mergedScores<Scalar: DenseScalar>(
    _ layout: GroupedLayout, _ logits: inout Matrix<Scalar>, _ scores: inout Matrix<Scalar>
  ) {
    let count = logits.rows
    logits.withUnsafeMutableValues { z in
      scores.withUnsafeMutableValues { s in
        if let z = z.baseAddress, let s = s.baseAddress {
          layout.mergedScores(logits: z, count: count, into: s)
        }
      }
    }
  }

  private func officialLayout(_ golden: GoldenCase) throws -> GroupedLayout {
    let counts = integers(golden.inputs["class_counts"])
    let groups = try CategoryGroups(
      counts: counts.enumerated().map { CategoryCount(id: $0 + 1, name: "\($0)", instances: $1, images: $1) })
    return GroupedLayout(groups: groups, background: .official)
  }
}

/// Eight classes, two a group.
func exampleGroups() throws -> CategoryGroups {
  let counts = [3, 500, 40, 9, 10, 2000, 150, 1000]
  return try CategoryGroups(
    counts: counts.enumerated().map { CategoryCount(id: $0 * 3 + 1, name: "c\($0)", instances: $1, images: $1) })
}

func randomMatrix(rows: Int, columns: Int, using generator: inout SeededGenerator) -> Matrix<Double> {
  Matrix(
    rows: rows, columns: columns, values: (0..<rows * columns).map { _ in standardNormal(using: &generator) })
}
