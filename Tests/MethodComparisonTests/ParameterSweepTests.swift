import DenseLinearAlgebra
import DetectionHeads
import Foundation
import HeadLosses
import HeadTraining
import MethodComparison
import TestSupport
import Testing
import TrainingRuns

@Suite struct ParameterSweepTests {
  private typealias Point = ParameterSweep.Point

  @Test func takesTheFirstOfTheBest() {
    func sweep(_ values: [Double]) -> ParameterSweep {
      ParameterSweep(
        parameter: "tau", metric: "AP", imageCount: 3,
        points: values.enumerated().map { Point(value: Double($0.offset), metrics: ["AP": $0.element]) })
    }
    #expect(sweep([0.1, 0.4, 0.4, 0.2]).best?.value == 1)
    #expect(sweep([-1, -1]).best?.value == 0)
    #expect(sweep([]).best == nil)
  }

  /// Each value's head is scored on the images held out, and training sees the others alone.
  @Test func scoresEveryValueOnImagesHeldOut() throws {
    try SmallComparisonSet.with { set, _ in
      let heldOut = try HeldOutImages(of: set.source, dataset: set.training, groups: set.groups)
      var generator = SeededGenerator(seed: 1)
      let objective = SoftmaxObjective(classCount: set.groups.classCount)
      var settings = TrainingSettings()
      settings.epochs = 4
      let trainer = try HeadTrainer(
        head: LinearHead(
          inputs: set.source.featureCount, layout: objective.layout, groups: set.groups, method: "softmax",
          using: &generator), objective: objective, source: heldOut.rest, settings: settings)
      try trainer.run()
      var done: [Int] = []
      let sweep = try ParameterSweep(trying: "tau", over: [0, 0.5, 1], on: heldOut, progress: { done.append($0) }) {
        try trainer.head.tauNormalized(tau: $0)
      }
      #expect(done == [1, 2, 3] && sweep.points.map(\.value) == [0, 0.5, 1])
      #expect(sweep.imageCount == heldOut.features.imageCount)
      let expected = try heldOut.evaluate(trainer.head.tauNormalized(tau: 0.5))
      #expect(sweep.points[1].metrics["AP"] == expected.metrics.first { $0.name == "AP" }?.value)
      let best = try #require(sweep.best?.metrics["AP"])
      #expect(sweep.points.allSatisfy { ($0.metrics["AP"] ?? -1) <= best } && best > 0)
      let encoded = try JSONEncoder().encode(sweep)
      #expect(try JSONDecoder().decode(ParameterSweep.self, from: encoded) == sweep)
    }
  }
}
