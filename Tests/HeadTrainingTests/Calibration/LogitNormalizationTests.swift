import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Against LogN's own file (`case_logn_1.json`), whose background is last.
@Suite struct LogitNormalizationTests {
  @Test func factorsAndShiftsMatchTheReference() throws {
    for golden in try GoldenCase.losses("case_logn_1.json") {
      let logits = try golden.inputs.matrix("logits", as: Double.self)
      let count = logits.columns - 1
      let (factors, shifts) = logitNormalization(
        means: Array(try golden.outputs.numbers("mean", count: count + 1).prefix(count)),
        deviations: Array(try golden.outputs.numbers("std", count: count + 1).prefix(count)))
      let (allFactors, allShifts): ([Double], [Double]) = (factors + [1], shifts + [0])
      var found: [Double] = []
      for row in 0..<logits.rows {
        for column in 0...count { found.append(logits[row, column] * allFactors[column] + allShifts[column]) }
      }
      #expect(try largestDifference(found, golden.outputs.numbers("normalized")) < 1e-9, "\(golden)")
    }
  }

  /// A head that has the logits as its features; its statistics are those of the training logits.
  @Test func headsGiveTheReferencesLogits() throws {
    for golden in try GoldenCase.losses("case_logn_1.json") {
      let training = try golden.inputs.matrix("training_logits", as: Float.self)
      let logits = try golden.inputs.matrix("logits", columns: training.columns, as: Float.self)
      let count = training.columns - 1
      func backgroundFirst<Number>(_ matrix: Matrix<Number>) -> [Number] {
        (0..<matrix.rows).flatMap { row in [matrix[row, count]] + matrix.row(row).prefix(count) }
      }
      let source = RoIArrays(
        features: backgroundFirst(training), featureCount: count + 1,
        labels: (0..<training.rows).map { Int32($0 % 2 - 1) }, roisPerImage: [1, training.rows - 1])
      let head = try identityHead(SoftmaxLayout(classCount: count), counts: Array(1...count))
      let normalized = try head.logitNormalized(on: source)
      #expect(normalized.layout.name == "softmax")
      var found = [Float](repeating: 0, count: logits.storage.count)
      normalized.logits(features: backgroundFirst(logits), count: logits.rows, into: &found)
      let expected = try golden.outputs.matrix("normalized", columns: count + 1, as: Double.self)
      #expect(largestDifference(found, backgroundFirst(expected)) < 1e-5, "\(golden)")
    }
  }

  /// The authors' heads: the logits of a normed layer are normalised by fixed scales, since rows have no length there.
  @Test func aNormedLayerGetsScales() throws {
    let head = try exampleHead(NormedLayout(SoftmaxLayout(classCount: 8)))
    let source = exampleRoIs(classCount: 8, featureCount: 5)
    let normalized = try head.logitNormalized(on: source)
    let scales = try #require(normalized.layout.tensors["scales"])
    #expect(normalized.layout.name == "normed-softmax-scaled" && scales[0] == 1)
    let count = source.labels.count
    var (before, after) = ([Float](repeating: 0, count: count * 9), [Float](repeating: 0, count: count * 9))
    head.logits(features: source.features, count: count, into: &before)
    normalized.logits(features: source.features, count: count, into: &after)
    func statistics(_ values: [Float]) -> (mean: Double, deviation: Double) {
      let mean = values.reduce(0) { $0 + Double($1) } / Double(count)
      let sum = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      return (mean, (sum / Double(count - 1)).squareRoot())
    }
    func column(_ logits: [Float], _ index: Int) -> [Float] { (0..<count).map { logits[$0 * 9 + index] } }
    #expect(column(before, 0) == column(after, 0))
    let least = (1...8).map { statistics(column(before, $0)).mean }.min() ?? 0
    for index in 1...8 {
      let (old, new) = (statistics(column(before, index)), statistics(column(after, index).map { $0 * scales[index] }))
      #expect(abs(new.deviation - 1) < 1e-4 && abs(new.mean * old.deviation - least) < 1e-4 * abs(least))
    }
  }

  /// A class whose logit never changes has no deviation to divide by, but what the code takes in its place.
  @Test func aLogitThatNeverChangesStaysFinite() {
    let (factors, shifts) = logitNormalization(means: [1, 3], deviations: [0, 2])
    #expect(abs(factors[0] * 1e-11.squareRoot() - 1) < 1e-9 && factors[1] == 0.5)
    #expect(shifts[0] == 0 && shifts[1] == -1)
  }
}
