import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import RealModule
import TestSupport
import Testing

/// The example of the guide "Adding a loss" is what `AddingALossExample.swift` holds, and it is right.
@Suite struct AddingALossTests {
  @Test func theGuideShowsTheCodeThatIsTested() throws {
    let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let guide = here.appendingPathComponent(
      "../../../Sources/BalancedGroupSoftmax/BalancedGroupSoftmax.docc/AddingALoss.md")
    let parts = try String(contentsOf: guide, encoding: .utf8).components(separatedBy: "```swift\n")
    // The first block is the loss; one that registers it follows.
    let shown = try #require(parts.dropFirst().first?.components(separatedBy: "```").first)
    let tested = try String(contentsOf: here.appendingPathComponent("AddingALossExample.swift"), encoding: .utf8)
    // The library's own tests import the modules one by one.
    let imports = "import DenseLinearAlgebra\nimport DetectionHeads\nimport HeadLosses\n"
    #expect(tested == shown.replacing("import BalancedGroupSoftmax\n", with: imports))
  }

  @Test func theGradientIsThatOfTheLoss() {
    let targets: [Int32] = [0, 4, 2]
    for epsilon in [-1, 0, 1, 5.5] {
      let error = gradientError(at: randomLogits(15, seed: 6, scale: 2)) { logits in
        polyCrossEntropy(logits: &logits, rows: 0..<3, columns: 5, targets: targets, epsilon: epsilon, divisor: 3)
      }
      #expect(error < 1e-7)
    }
  }

  /// −log p + ε (1 − p), written down plainly.
  @Test func theLossIsThatOfThePaper() {
    let z = [0.3, -1.2, 2.0]
    let p = Double.exp(2.0) / z.reduce(0) { $0 + .exp($1) }
    var logits = z
    let loss = polyCrossEntropy(logits: &logits, rows: 0..<1, columns: 3, targets: [2], epsilon: 2, divisor: 1)
    #expect(abs(loss - (-Double.log(p) + 2 * (1 - p))) < 1e-12)
  }

  @Test func theLossOfARoIIsThatOfABatchOfOne() {
    let objective = PolyObjective(classCount: 4, epsilon: 2)
    var logits: [Float] = [0.5, -1, 2, 0.25, 0]
    var alone = logits
    let batch = logits.withUnsafeMutableBufferPointer { z in
      z.baseAddress.map {
        objective.backward(BlockLogits(values: $0, rowCount: 1, columns: 5, labels: [1]), threads: 1)[0]
      }
    }
    #expect(batch == Double(objective.exampleLoss(&alone, label: 1)))
  }

  @Test func itTrains() throws {
    let groups = try exampleGroups()
    var generator = SeededGenerator(seed: 3)
    let labels = (0..<200).map { Int32($0 % (groups.classCount + 1)) - 1 }
    var features: [Float] = []
    for label in labels {
      for column in 0..<groups.classCount + 1 {
        let mean: Double = column == Int(label) + 1 ? 3 : 0
        features.append(Float(mean + 0.3 * standardNormal(using: &generator)))
      }
    }
    let source = RoIArrays(
      features: features, featureCount: groups.classCount + 1, labels: labels,
      roisPerImage: Array(repeating: 10, count: 20))
    let objective = TrainingMethod.poly.objective(
      MethodData(groups: groups, imageCount: 20), try MethodParameters(["epsilon": "2"], of: TrainingMethod.poly))
    var settings = TrainingSettings()
    settings.learningRate = 0.1
    settings.imagesPerBatch = 4
    let trainer = try HeadTrainer(
      head: LinearHead(
        inputs: source.featureCount, layout: objective.layout, groups: groups, method: "poly", using: &generator),
      objective: objective, source: source, settings: settings)
    let first = try trainer.step().loss
    #expect(try trainer.run() < 0.5 * first)
  }
}
