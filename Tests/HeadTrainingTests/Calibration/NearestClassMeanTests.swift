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
    let cases = try GoldenCase.losses("case_tau_norm_ncm_lws_1.json")
    let golden = try #require(cases.first)
    let expected = try #require((golden.outputs["ncm"] as? [String: Any])?["centroids"] as? [String: Any])
    let (means, counts) = try classMeans(of: source(golden, labels: "train_labels"), classCount: 20)
    #expect(largestDifference(means.storage, numbers(expected["uncs"])) < 1e-6)
    #expect(counts.reduce(0, +) == 60)
    // A class without RoI has zeros; the others keep their places, where the reference moves them up.
    let edge = try #require(cases.first { $0.label == "class_without_training_feature" })
    let missing = try #require(integers(edge.inputs["missing_label"] ?? edge.outputs["missing_label"]).first)
    let (some, someCounts) = try classMeans(of: source(edge, labels: "train_labels"), classCount: 20)
    #expect(someCounts[missing] == 0 && some.row(missing).allSatisfy { $0 == 0 })
    let others = (0..<20).filter { $0 != missing }.flatMap { some.row($0) }
    let official = try #require(edge.outputs["centroids"] as? [String: Any])
    #expect(largestDifference(others, numbers(official["uncs"])) < 1e-6)
  }

  /// (1 − p_bg) · softmax of the cosines, written down plainly.
  @Test func scoresAreForegroundTimesTheSoftmaxOfCosines() throws {
    let golden = try #require(try GoldenCase.losses("case_tau_norm_ncm_lws_1.json").first)
    let groups = try CategoryGroups(
      counts: (0..<19).map { CategoryCount(id: $0, name: "\($0)", instances: $0, images: $0) })
    let weight = matrix(golden.inputs["weight"], columns: 9, as: Float.self)
    let bias = numbers(golden.inputs["bias"]).map { Float($0) }
    let head = try LinearHead(
      weight: weight, bias: bias, layout: SoftmaxLayout(classCount: 19), groups: groups, method: "softmax")
    // Label 19 is left out: 19 classes; class 4 has no RoI.
    let labels = integers(golden.inputs["train_labels"]).map { Int32($0 == 19 || $0 == 4 ? -1 : $0) }
    let source = RoIArrays(
      features: numbers(golden.inputs["train_features"]).map { Float($0) }, featureCount: 9, labels: labels,
      roisPerImage: [labels.count])
    let calibrated = try head.nearestClassMean(of: source)
    let features = matrix(golden.inputs["features"], columns: 9, as: Float.self)
    let (means, _) = try classMeans(of: source, classCount: 19)
    let plain = Matrix.linear(features, weight: weight, bias: bias)
    func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    let expected = (0..<features.rows).flatMap { row -> [Double] in
      let x = features.row(row).map { Double($0) }
      let z = plain.row(row).map { Double.exp(Double($0)) }
      let foreground = 1 - z[0] / z.reduce(0, +)
      let weights = (0..<19).map { index -> Double in
        let mean = means.row(index)
        if index == 4 { return 0 }
        return .exp(zip(x, mean).reduce(0) { $0 + $1.0 * $1.1 } / norm(x) / norm(mean))
      }
      return weights.map { foreground * $0 / weights.reduce(0, +) }
    }
    #expect(largestDifference(calibrated.scores(for: features).storage, expected) < 1e-5)
    try withTemporaryFolder { folder in
      try calibrated.write(to: "\(folder)/head.safetensors")
      let read = try LinearHead(contentsOf: "\(folder)/head.safetensors")
      #expect(read.scores(for: features) == calibrated.scores(for: features))
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

  private func source(_ golden: GoldenCase, labels: String) -> RoIArrays {
    let labels = integers(golden.inputs[labels]).map { Int32($0) }
    return RoIArrays(
      features: numbers(golden.inputs["train_features"]).map { Float($0) }, featureCount: 9, labels: labels,
      roisPerImage: [labels.count])
  }
}
