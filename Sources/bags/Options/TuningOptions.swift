import ArgumentParser
import BalancedGroupSoftmax

/// Options of the trials on held-out training images by which settings are picked.
struct TuningOptions: ParsableArguments {
  @Option(
    help: .init(
      "Epochs of a trial (default: half of --epochs); the milestones move with them.", valueName: "epochs"))
  var tuneEpochs: Int?

  @Option(help: .init("Learning rates that are tried for each method.", valueName: "count"))
  var tuneTrials = 7

  @Option(help: .init("The share of the training images that is held out to choose on.", valueName: "share"))
  var heldOut = 0.2

  func validate() throws {
    guard (1...1_000_000).contains(tuneEpochs ?? 1) else {
      throw ValidationError("--tune-epochs must be from 1 to 1000000")
    }
    guard (1...100).contains(tuneTrials) else { throw ValidationError("--tune-trials must be from 1 to 100") }
    guard (0.01...0.9).contains(heldOut) else { throw ValidationError("--held-out must be from 0.01 to 0.9") }
  }

  /// The plan for trainings of so many epochs.
  func plan(epochs: Int) -> TuningPlan {
    var plan = TuningPlan(epochs: tuneEpochs ?? max(1, epochs / 2))
    plan.rateTrialCount = tuneTrials
    plan.fraction = heldOut
    return plan
  }
}
