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
      let layout = GroupedLayout(groups: try CategoryGroups(instances: counts), background: .official)
      return [layout.backgroundSlice] + layout.slices
    }
    // (start, length) of LVIS v0.5 and v1 in the official code.
    #expect(try slices([294, 453, 302, 181]) == [0..<2, 2..<297, 297..<751, 751..<1054, 1054..<1236])
    #expect(try slices([200, 412, 334, 257]) == [0..<2, 2..<203, 203..<616, 616..<951, 951..<1209])
  }

  @Test func lossAndGradientMatchOfficialCodeInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func lossAndGradientMatchOfficialCodeInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try officialCases() {
      let layout = try officialLayout(golden, boundaries: golden.hyperparameters.numbers("group_bounds"))
      let loss = BalancedGroupSoftmaxLoss(groups: layout.groups, background: .official)
      let logits = try golden.inputs.matrix("logits", columns: layout.logitCount, as: scalar)
      let labels = try golden.inputs.labels(count: logits.rows, classCount: layout.classCount, background: .first)
      let kept = try keptRows(golden, count: labels.count, groupCount: layout.slices.count).dropFirst()
      var values = logits
      let losses = loss.losses(logits: &values, labels: labels, keptRows: Array(kept))
      #expect(try largestDifference(losses, golden.outputs.numbers("per_group_losses")) < tolerance, "\(golden)")
      #expect(
        try relativeDifference(losses.reduce(0, +), golden.outputs.number("total_loss")) < tolerance, "\(golden)")
      #expect(try largestDifference(values.storage, golden.outputs.numbers("grad_logits")) < tolerance, "\(golden)")

      var scores = Matrix<Scalar>(rows: labels.count, columns: layout.classCount)
      var input = logits
      mergedScores(layout, &input, &scores)
      let merged = try golden.outputs.matrix(
        "merged_scores", rows: labels.count, columns: layout.classCount + 1, as: Double.self)
      let foreground = merged.selecting(columns: 1..<layout.classCount + 1).storage
      #expect(largestDifference(scores.storage, foreground) < tolerance, "\(golden)")
    }
  }

  @Test func sampleSizesAndNormalisersMatchOfficialCode() throws {
    for golden in try officialCases() {
      let layout = try officialLayout(golden, boundaries: golden.hyperparameters.numbers("group_bounds"))
      let labels = try golden.inputs.labels(classCount: layout.classCount, background: .first)
      let ratio = try golden.hyperparameters.number("others_sample_ratio")
      var loss = BalancedGroupSoftmaxLoss(groups: layout.groups, background: .official, othersRatio: ratio)
      var generator = SeededGenerator(seed: 1)
      let blocks = loss.blocks(labels: labels, using: &generator)
      var counts = [Int: Int](
        uniqueKeysWithValues: blocks.map { ($0.logits.lowerBound, $0.rowCount(batchCount: labels.count)) })
      let expected = try golden.outputs.integers("avg_factors", count: layout.slices.count + 1)
      #expect(counts.removeValue(forKey: 0) == expected[0], "\(golden)")
      for (slice, factor) in zip(layout.slices, expected.dropFirst()) {
        #expect(max(1, counts[slice.lowerBound] ?? 0) == factor, "\(golden)")
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
    var pair = randomMatrix(rows: labels.count, columns: official.layout.logitCount, as: Double.self, using: &generator)
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
    let logits = randomMatrix(rows: labels.count, columns: loss.layout.logitCount, as: Double.self, using: &generator)
    var gradient = logits
    _ = loss.losses(logits: &gradient, labels: labels, keptRows: kept)
    let error = gradientError(gradient.storage, at: logits.storage) { values in
      var moved = Matrix(rows: logits.rows, columns: logits.columns, values: values)
      return loss.losses(logits: &moved, labels: labels, keptRows: kept).reduce(0, +)
    }
    #expect(error < 1e-7)
  }

  /// The EQL v2 authors' version (`case_bags_eqlv2repo_1.json`): G0 stands last, as [foreground, background].
  @Test func matchesAnotherImplementationInAnotherOrder() throws {
    for golden in try GoldenCase.losses("case_bags_eqlv2repo_1.json") {
      let layout = try officialLayout(golden, boundaries: golden.hyperparameters.numbers("bin_split"))
      let columns = layout.logitCount
      let order = [columns - 1, columns - 2] + Array(0..<columns - 2)
      let input = try golden.inputs.matrix("logits", columns: columns, as: Double.self)
      let labels = try golden.inputs.labels(count: input.rows, classCount: layout.classCount, background: .last)
      let kept = try keptRows(golden, count: labels.count, groupCount: layout.slices.count)
      try #require(kept.last?.count == labels.count)
      let loss = BalancedGroupSoftmaxLoss(groups: layout.groups, background: .official)
      var logits = input.selecting(columns: order)
      var scored = logits
      let losses = loss.losses(logits: &logits, labels: labels, keptRows: Array(kept.dropLast()))
      let expected = try golden.outputs.numbers("per_group_losses")
      #expect(largestDifference(losses, expected.suffix(1) + expected.dropLast()) < 1e-12, "\(golden)")
      let gradient = try golden.outputs.matrix("grad_logits", rows: input.rows, columns: columns, as: Double.self)
      #expect(largestDifference(logits.storage, gradient.selecting(columns: order).storage) < 1e-12, "\(golden)")
      var scores = Matrix<Double>(rows: labels.count, columns: layout.classCount)
      mergedScores(layout, &scored, &scores)
      let activation = try golden.outputs.matrix(
        "activation", rows: labels.count, columns: layout.classCount + 1, as: Double.self)
      let foreground = activation.selecting(columns: 0..<layout.classCount).storage
      #expect(largestDifference(scores.storage, foreground) < 1e-12, "\(golden)")
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
    let groups = try CategoryGroups(instances: [5, 500], images: [5, 9])
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

  /// The cases of the official head; its variant with class weights has no counterpart here.
  private func officialCases() throws -> [GoldenCase] {
    try GoldenCase.losses("case_bags_1.json", having: ["merged_scores"])
  }

  /// The layout of a case's classes.
  ///
  /// - Parameter boundaries: With or without the outer ones, 0 and infinity.
  private func officialLayout(_ golden: GoldenCase, boundaries: [Double]) throws -> GroupedLayout {
    let inner = boundaries.filter { 0 < $0 && $0 < 1e9 }.map { Int($0) }
    let groups = try CategoryGroups(instances: try golden.inputs.integers("class_counts"), boundaries: inner)
    return GroupedLayout(groups: groups, background: .official)
  }

  /// The rows that each group takes, G0 among them, by the case's weights of 0 and 1.
  private func keptRows(_ golden: GoldenCase, count: Int, groupCount: Int) throws -> [[Int32]] {
    let weights = try golden.inputs.matrix("sample_weights", rows: groupCount + 1, columns: count, as: Double.self)
    try #require(weights.storage.allSatisfy { $0 == 0 || $0 == 1 })
    return (0..<weights.rows).map { group in (0..<count).filter { weights[group, $0] == 1 }.map { Int32($0) } }
  }
}
