import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import LVISDatasets
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
    let loss = BalancedGroupSoftmaxLoss(groups: layout.groups, background: .official)
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
      var loss = BalancedGroupSoftmaxLoss(groups: layout.groups, background: .official, othersRatio: ratio)
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
    let official = BalancedGroupSoftmaxLoss(groups: groups, background: .official)
    let sigmoid = BalancedGroupSoftmaxLoss(groups: groups, background: .sigmoid)
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
    let loss = BalancedGroupSoftmaxLoss(groups: try exampleGroups(), background: background)
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

  /// The EQL v2 authors' version (`case_bags_eqlv2repo_1.json`): G0 stands last, as [foreground, background].
  @Test func matchesAnotherImplementationInAnotherOrder() throws {
    let cases = try GoldenCase.losses("case_bags_eqlv2repo_1.json")
    #expect(cases.count == 2)
    for golden in cases {
      let layout = try officialLayout(golden)
      let labels = labelsWithBackgroundLast(golden.inputs["labels"], classCount: layout.classCount)
      let columns = layout.logitCount
      let order = [columns - 1, columns - 2] + Array(0..<columns - 2)
      func reordered(_ value: Any?) -> [Double] {
        let values = numbers(value)
        return labels.indices.flatMap { row in order.map { values[row * columns + $0] } }
      }
      let weights = integers(golden.inputs["sample_weights"])
      let kept = (0..<4).map { group in
        labels.indices.filter { weights[group * labels.count + $0] == 1 }.map { Int32($0) }
      }
      #expect(weights.suffix(labels.count).allSatisfy { $0 == 1 })
      let loss = BalancedGroupSoftmaxLoss(groups: layout.groups, background: .official)
      var logits = Matrix(rows: labels.count, columns: columns, values: reordered(golden.inputs["logits"]))
      var scored = logits
      let losses = loss.losses(logits: &logits, labels: labels, keptRows: kept)
      let expected = numbers(golden.outputs["per_group_losses"])
      #expect(largestDifference(losses, expected.suffix(1) + expected.dropLast()) < 1e-12, "\(golden)")
      #expect(largestDifference(logits.storage, reordered(golden.outputs["grad_logits"])) < 1e-12, "\(golden)")
      var scores = Matrix<Double>(rows: labels.count, columns: layout.classCount)
      mergedScores(layout, &scored, &scores)
      let activation = withoutLastColumn(numbers(golden.outputs["activation"]), columns: layout.classCount + 1)
      #expect(largestDifference(scores.storage, activation) < 1e-12, "\(golden)")
    }
  }

  @Test func withoutG0BackgroundIsToldByOthersAlone() throws {
    let groups = try exampleGroups()
    var loss = BalancedGroupSoftmaxLoss(groups: groups, background: .none, othersRatio: 1)
    let layout = loss.groupedLayout
    #expect(layout.slices == [0..<3, 3..<6, 6..<9, 9..<12] && layout.logitCount == 12)
    #expect(layout.backgroundLogits.isEmpty && layout.othersLogits == [0, 3, 6, 9])
    #expect(loss.componentNames == ["G1", "G2", "G3", "G4"])
    // Class 2 is the first of G2.
    let logits = randomLogits(3 * 12, seed: 1).map { Float($0) }
    let result = try evaluate(&loss, logits: logits, labels: [-1, 2, -1])
    #expect(result.parts[0] == 0 && result.parts[1] > 0 && result.parts[2] == 0 && result.parts[3] == 0)
    #expect(result.gradient.enumerated().allSatisfy { (3..<6).contains($0.offset % 12) || $0.element == 0 })
    var z = Array(logits.prefix(12))
    var scores = [Float](repeating: 0, count: 8)
    layout.scores(logits: &z, count: 1, into: &scores)
    var group = Array(logits[3..<6])
    _ = Float.softmax(&group, count: 3)
    #expect(scores[2] == group[1] && scores[4] == group[2])
  }

  @Test func withoutOthersAGroupTakesItsPositivesAlone() throws {
    let groups = try exampleGroups()
    var loss = BalancedGroupSoftmaxLoss(groups: groups, hasOthers: false)
    let layout = loss.groupedLayout
    #expect(layout.slices == [1..<3, 3..<5, 5..<7, 7..<9] && layout.othersLogits.isEmpty)
    var generator = SeededGenerator(seed: 0)
    let blocks = loss.blocks(labels: [-1, 2, 4, 2, 0], using: &generator)
    #expect(blocks.map(\.logits) == [0..<1, 1..<3, 3..<5] && blocks.map(\.rows) == [nil, [4], [1, 2, 3]])
    // Class 4 is the second of G2, whose first logit is 3.
    var logits = Matrix<Double>(rows: 1, columns: 9)
    let losses = loss.losses(logits: &logits, labels: [4], keptRows: [[], [0], [], []])
    #expect(abs(losses[2] - 0.6931471805599453) < 1e-12 && logits.row(0) == [-0.5, 0, 0, 0.5, -0.5, 0, 0, 0, 0])
  }

  /// Groups of one class, and empty groups, in every layout.
  @Test(arguments: GroupedLayout.Background.allCases, [true, false])
  func smallGroupsAreFine(background: GroupedLayout.Background, hasOthers: Bool) throws {
    let groups = try CategoryGroups(
      counts: [
        CategoryCount(id: 1, name: "a", instances: 5, images: 5), .init(id: 2, name: "b", instances: 500, images: 9),
      ])
    var loss = BalancedGroupSoftmaxLoss(groups: groups, background: background, hasOthers: hasOthers)
    let columns = loss.layout.logitCount
    let result = try evaluate(
      &loss, logits: randomLogits(3 * columns, seed: 1).map { Float($0) }, labels: [0, -1, 1])
    #expect(result.loss.isFinite && result.loss >= 0)
    var z = [Float](repeating: 0, count: columns)
    var scores: [Float] = [-1, -1]
    loss.layout.scores(logits: &z, count: 1, into: &scores)
    let foreground: Float = background == .none ? 1 : 0.5
    #expect(scores == [foreground * (hasOthers ? 0.5 : 1), foreground * (hasOthers ? 0.5 : 1)])
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
