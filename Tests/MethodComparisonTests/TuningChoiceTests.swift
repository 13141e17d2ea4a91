import LVISEvaluation
import MethodComparison
import Testing
import TrainingRuns

/// What is chosen, from trials whose metrics and draws are made up.
@Suite struct TuningChoiceTests {
  /// One split on which AP is drawn around `ap` with a noise that trials share, and one that is the trial's own.
  private func tried(_ rate: Double, ap: [Double], apr: Double = 0.5, noise: Double = 0) throws -> TriedSettings {
    var settings = TriedSettings(learningRate: rate, parameters: [:])
    settings.outcomes = try ap.map { ap in
      let values = (0..<100).map { draw -> [Float] in
        let shared = Float(draw % 10) / 100
        let own = Float(noise) * (draw % 2 == 0 ? 1 : -1)
        return [Float(ap) + shared + own, Float(apr) + shared]
      }
      return TrialOutcome(
        metrics: ["AP": ap, "APr": apr],
        replicates: try #require(MetricReplicates(names: ["AP", "APr"], seed: 0, values: values)))
    }
    return settings
  }

  @Test func aClearLeadIsTakenAndNoiseIsNot() throws {
    let plan = TuningPlan(epochs: 1)
    let clear = [try tried(0.01, ap: [0.4]), try tried(0.1, ap: [0.45]), try tried(1, ap: [0.3])]
    #expect(plan.choice(among: clear, [1, 0]).index == 1)
    let noisy = [try tried(0.01, ap: [0.4]), try tried(0.1, ap: [0.45], noise: 0.1)]
    let choice = plan.choice(among: noisy, [1, 0])
    #expect(choice.index == 0 && choice.keptDefault && (choice.lead?.contains(0) ?? false))
    // What shifts both alike is no noise: the draws are pairs.
    #expect(plan.choice(among: clear, [1, 0]).lead.map { $0.lowerBound > 0.049 } == true)
  }

  @Test func onlyWhatMayBeBestGoesToTheOtherSplits() throws {
    var plan = TuningPlan(epochs: 1)
    let trials = [
      try tried(0.01, ap: [0.2]), try tried(0.1, ap: [0.45]), try tried(1, ap: [0.44], noise: 0.05),
      try tried(10, ap: [0.3]),
    ]
    #expect(plan.contenders(among: trials) == [1, 2, 0])
    plan.contenderCount = 2
    #expect(plan.contenders(among: trials) == [1, 0])
  }

  @Test func meansOverTheSplitsDecide() throws {
    let plan = TuningPlan(epochs: 1)
    let trials = [try tried(0.01, ap: [0.4, 0.4]), try tried(0.1, ap: [0.5, 0.2]), try tried(1, ap: [0.45, 0.46])]
    #expect(plan.choice(among: trials, [0, 1, 2]).index == 2)
    #expect(abs((trials[1].trial.metrics?["AP"] ?? 0) - 0.35) < 1e-12 && trials[1].trial.splits == 2)
  }

  @Test func whatDivergedIsNotChosen() throws {
    let plan = TuningPlan(epochs: 1)
    var diverged = TriedSettings(learningRate: 0.01, parameters: [:])
    diverged.outcomes = [nil]
    let trials = [diverged, try tried(0.001, ap: [0.3])]
    #expect(plan.contenders(among: trials) == [1])
    let choice = plan.choice(among: trials, [1])
    #expect(choice.index == 1 && !choice.keptDefault && choice.lead == nil)
  }

  @Test func aBoundedCriterionGivesUpNoMoreThanTheBound() throws {
    var plan = TuningPlan(epochs: 1)
    let trials = [
      try tried(0.01, ap: [0.5], apr: 0.2), try tried(0.1, ap: [0.495], apr: 0.3), try tried(1, ap: [0.4], apr: 0.6),
    ]
    plan.criterion = try #require(TuningCriterion("APr:1"))
    #expect(plan.choice(among: trials, [0, 1, 2]).index == 1)
    plan.criterion = try #require(TuningCriterion("APr"))
    #expect(plan.choice(among: trials, [0, 1, 2]).index == 2)
  }

  @Test func criteriaAreReadAndWritten() throws {
    for text in ["AP", "APr:1", "groups", "AP50", "groups:0.5"] {
      #expect(try #require(TuningCriterion(text)).description == text)
    }
    for text in ["", "ap", "APr:", "APr:x", "APr:-1", "AP:1:2", "AP;"] { #expect(TuningCriterion(text) == nil) }
    let metrics = ["AP": 0.1, "AP50": 0.9, "AP1": 0.2, "AP2": 0.4, "AP3": -1]
    #expect(abs(try #require(TuningCriterion.groups.score(of: metrics)) - 0.3) < 1e-12)
  }
}
