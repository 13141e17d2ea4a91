import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadTraining
import LVISDatasets
import RealModule
import TestSupport
import Testing

/// Means and cosines against Kang et al.'s code (`case_tau_norm_ncm_lws_1.json`); the score is BAGS's use of them.
@Suite struct NearestClassMeanTests {
  @Test func meansMatchTheReference() throws {
    for golden in try GoldenCase.losses("case_tau_norm_ncm_lws_1.json", having: ["train_features", "ncm"]) {
      let source = try source(golden)
      let classCount = Int(source.labels.max() ?? 0) + 1
      let (means, counts) = try classMeans(of: source, classCount: classCount)
      let expected = try golden.outputs.object("ncm").object("centroids")
      #expect(try largestDifference(means.storage, expected.numbers("uncs")) < 1e-6, "\(golden)")
      #expect(counts.reduce(0, +) == source.labels.count)
    }
  }

  @Test func refusesLabelsOfOtherClasses() {
    let source = RoIArrays(features: [1, 2, 3, 4], featureCount: 2, labels: [0, 7], roisPerImage: [2])
    let error = #expect(throws: FeatureSetError.self) { try classMeans(of: source, classCount: 2) }
    #expect(error?.code == .label && error?.row == 1)
  }

  /// A class without RoI has zeros; the others keep their places, where the reference moves them up.
  @Test func aClassWithoutRoIHasNoMean() throws {
    for golden in try GoldenCase.losses("case_tau_norm_ncm_lws_1.json", having: ["train_features", "missing_label"]) {
      let source = try source(golden)
      let missing = try golden.inputs.integer("missing_label", in: 0...10_000)
      let classCount = max(Int(source.labels.max() ?? 0), missing) + 1
      let (means, counts) = try classMeans(of: source, classCount: classCount)
      #expect(counts[missing] == 0 && means.row(missing).allSatisfy { $0 == 0 })
      let others = means.values(ofRows: (0..<classCount).filter { $0 != missing })
      let expected = try golden.outputs.object("centroids").numbers("uncs")
      #expect(largestDifference(others, expected) < 1e-6, "\(golden)")
    }
  }

  /// (1 − p_bg) · softmax of the cosines, written down plainly.
  @Test func scoresAreForegroundTimesTheSoftmaxOfCosines() throws {
    let names = ["weight", "features", "train_features"]
    for golden in try GoldenCase.losses("case_tau_norm_ncm_lws_1.json", having: names) {
      let weight = try golden.inputs.matrix("weight", as: Float.self)
      let bias = try golden.inputs.numbers("bias", count: weight.rows).map { Float($0) }
      let classCount = weight.rows - 1
      try #require(classCount > 1)
      let head = try LinearHead(
        weight: weight, bias: bias, layout: SoftmaxLayout(classCount: classCount),
        groups: CategoryGroups(instances: Array(1...classCount)), method: "softmax")
      // The classes of the case without the last, and one more without RoI.
      let missing = classCount / 4
      var source = try source(golden)
      try #require(source.featureCount == weight.columns)
      source = RoIArrays(
        features: source.features, featureCount: source.featureCount,
        labels: source.labels.map { $0 >= classCount || $0 == missing ? -1 : $0 }, roisPerImage: [source.labels.count])
      let calibrated = try head.nearestClassMean(of: source)
      let features = try golden.inputs.matrix("features", columns: weight.columns, as: Float.self)
      let (means, counts) = try classMeans(of: source, classCount: classCount)
      let plain = Matrix.linear(features, weight: weight, bias: bias)
      func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
      let expected = (0..<features.rows).flatMap { row -> [Double] in
        let x = features.row(row).map { Double($0) }
        let z = plain.row(row).map { Double.exp(Double($0)) }
        let foreground = 1 - z[0] / z.reduce(0, +)
        let weights = (0..<classCount).map { index -> Double in
          let mean = means.row(index)
          if counts[index] == 0 { return 0 }
          return .exp(zip(x, mean).reduce(0) { $0 + $1.0 * $1.1 } / norm(x) / norm(mean))
        }
        return weights.map { foreground * $0 / weights.reduce(0, +) }
      }
      #expect(counts[missing] == 0)
      #expect(largestDifference(calibrated.scores(for: features).storage, expected) < 1e-5, "\(golden)")
      try withTemporaryFolder { folder in
        try calibrated.write(to: "\(folder)/head.safetensors")
        let read = try LinearHead(contentsOf: "\(folder)/head.safetensors")
        #expect(read.scores(for: features) == calibrated.scores(for: features))
      }
    }
  }

  @Test func refusesWhatHasNoMeans() throws {
    let groups = try exampleGroups()
    var generator = SeededGenerator(seed: 0)
    let softmax = LinearHead(
      inputs: 1, layout: SoftmaxLayout(classCount: groups.classCount), groups: groups, method: "softmax",
      using: &generator)
    let background = RoIArrays(features: [1], featureCount: 1, labels: [-1], roisPerImage: [1])
    #expect(throws: LinearHeadError.self) { try softmax.nearestClassMean(of: background) }
    let bags = LinearHead(
      inputs: 1, layout: GroupedLayout(groups: groups), groups: groups, method: "bags", using: &generator)
    #expect(throws: LinearHeadError.self) { try bags.nearestClassMean(of: background) }
  }

  private func source(_ golden: GoldenCase) throws -> RoIArrays {
    let features = try golden.inputs.matrix("train_features", as: Float.self)
    let labels = try golden.inputs.integers("train_labels", count: features.rows, in: 0...9_999).map { Int32($0) }
    return RoIArrays(
      features: features.storage, featureCount: features.columns, labels: labels, roisPerImage: [labels.count])
  }
}
