import ArgumentParser
import BalancedGroupSoftmax

/// Options of the trials on held-out training images by which settings are picked.
struct TuningOptions: ParsableArguments {
  @Option(
    help: .init(
      "Epochs of a trial (default: --epochs); the milestones move with them.", valueName: "epochs"))
  var tuneEpochs: Int?

  @Option(help: .init("Learning rates that are tried for each method.", valueName: "count"))
  var tuneTrials = 7

  @Option(
    help: .init(
      "The share of the training images that is held out of each split to choose on.", valueName: "share"))
  var heldOut = 0.2

  @Option(
    help: .init(
      "Splits of the training images: the first looks for settings, the others tell the best apart.",
      valueName: "count"))
  var tuneSplits = 3

  @Option(
    help: .init(
      "What decides: a metric such as AP; groups, the mean of AP1 and on; or APr:1, the metric among trials within 1 point "
        + "of the best AP.", valueName: "criterion"))
  var tuneBy = TuningCriterion.ap

  @Option(
    help: .init(
      "Features of images that the detector never saw, to choose on in place of held-out training images.",
      valueName: "folder"), completion: .directory)
  var tuneFeatures: String?

  @Option(help: .init("The annotations of these images.", valueName: "file"), completion: .file(extensions: ["json"]))
  var tuneAnnotations: String?

  func validate() throws {
    guard (1...1_000_000).contains(tuneEpochs ?? 1) else {
      throw ValidationError("--tune-epochs must be from 1 to 1000000")
    }
    guard (1...100).contains(tuneTrials) else { throw ValidationError("--tune-trials must be from 1 to 100") }
    guard (1...20).contains(tuneSplits) else { throw ValidationError("--tune-splits must be from 1 to 20") }
    guard (tuneFeatures == nil) == (tuneAnnotations == nil) else {
      throw ValidationError("--tune-features and --tune-annotations go together")
    }
    guard (0.01...0.9).contains(heldOut) else { throw ValidationError("--held-out must be from 0.01 to 0.9") }
  }

  /// An option that was given though it has another value by default, or none.
  var stated: String? {
    tuneEpochs != nil ? "--tune-epochs" : tuneFeatures != nil ? "--tune-features" : nil
  }

  /// The plan for trainings of so many epochs.
  func plan(epochs: Int) -> TuningPlan {
    var plan = TuningPlan(epochs: tuneEpochs ?? epochs)
    plan.rateTrialCount = tuneTrials
    plan.fraction = heldOut
    plan.splitCount = tuneSplits
    plan.criterion = tuneBy
    return plan
  }

  /// Images that the detector never saw.
  ///
  /// - Throws: What is wrong with one of the files.
  func unseenImages() throws -> TuningData.UnseenImages? {
    guard let tuneFeatures, let tuneAnnotations else { return nil }
    return TuningData.UnseenImages(
      features: try openFeatures(at: tuneFeatures), dataset: try LVISDataset(contentsOf: tuneAnnotations),
      inputs: try ["tune-features": tuneFeatures, "tune-annotations": tuneAnnotations].mapValues {
        try RunRecord.Input(path: $0)
      })
  }
}

extension TuningCriterion: ExpressibleByArgument {
  /// Reads a criterion as it is typed.
  public init?(argument: String) { self.init(argument) }
}
