import DenseLinearAlgebra
import HeadLosses
import HeadTraining
import LVISDatasets
import RealModule
import TestSupport
import Testing

@Suite struct ExampleLossObjectiveTests {
  /// A batch of one RoI has that RoI's loss.
  @Test(arguments: TrainingMethod.all.map(\.name)) func isTheLossOfABatchOfOne(name: String) throws {
    let method = try #require(TrainingMethod.named(name))
    // DisAlign divides by the weights of a batch: all 1 where classes are alike.
    let counts = name == "disalign" ? [7, 7, 7, 7] : [3, 30, 300, 3000]
    let data = MethodData(groups: try CategoryGroups(instances: counts), imageCount: 5000)
    let objective = method.objective(data, try MethodParameters(of: method))
    guard let objective = objective as? any ExampleLossObjective else {
      #expect(
        [
          "loce", "seesaw", "ghm", "efl", "eqlv2", "acsl", "federated", "gol", "bacl", "varifocal",
        ].contains(name))
      return
    }
    try check(objective)
  }

  private func check(_ objective: some ExampleLossObjective) throws {
    var objective = objective
    for label in Int32(-1)..<4 {
      let logits = randomLogits(objective.layout.logitCount, seed: UInt64(label + 2), scale: 2).map { Float($0) }
      let expected = try evaluate(&objective, logits: logits, labels: [label]).loss
      var copy = logits
      let loss = objective.exampleLoss(&copy, label: label)
      #expect(abs(Double(loss) - expected) < 1e-5 * max(1, expected), "label \(label)")
      #expect(expected > 0)
    }
  }

  /// Without G0 background is told from the classes by every group's `others`.
  @Test func withoutG0BackgroundIsOthersInEveryGroup() throws {
    let groups = try exampleGroups()
    let objective = BalancedGroupSoftmaxLoss(groups: groups, background: .none)
    var logits = [Float](repeating: 0, count: objective.layout.logitCount)
    let expected = groups.classesByGroup.reduce(0) { $0 + Double.log(Double($1.count + 1)) }
    #expect(abs(Double(objective.exampleLoss(&logits, label: -1)) - expected) < 1e-5)
  }

  @Test func methodsWithoutSuchALossAreRefusedWithTheReason() throws {
    let acsl = TrainingMethod.suppression
    let reason = try #require(RoIMiningMethod.hard.refusal(for: acsl))
    #expect(reason.contains("acsl has none, since it draws at random for which classes a background RoI counts"))
    #expect(RoIMiningMethod.random.refusal(for: acsl) == nil)
    #expect(RoIMiningMethod.hard.refusal(for: .bags) == nil)
    // What a method says of itself is so.
    let groups = try exampleGroups()
    for method in TrainingMethod.all {
      let objective = method.objective(MethodData(groups: groups, imageCount: 9), try MethodParameters(of: method))
      #expect((objective is any ExampleLossObjective) == (method.noExampleLoss == nil), "\(method.name)")
    }
  }
}
