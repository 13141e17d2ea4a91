import ArgumentParser
import BalancedGroupSoftmax

/// A box regressor trained beside the classifier.
struct BoxOptions: ParsableArguments {
  @Option(
    help: .init(
      "Train a box regressor too, on features with gt_boxes, or a regression branch beside that of the classes on feature "
        + "maps: "
        + "\(BoxLossMethod.all.map(\.name).joined(separator: ", ")) (default: none). "
        + "It goes on from the box regressor of --init, where that is of the same kind.", valueName: "name"))
  var boxLoss: String?

  @Option(help: "One set of deltas a RoI, or one for each class (default: agnostic).")
  var boxClasses: BoxRegressor.Classes?

  @Option(
    help: .init(
      "Whose rules the deltas follow: standard (detectron2, torchvision), mmdetection2 (and 3), mmdetection1 (+1) "
        + "(default: standard).",
      valueName: "convention"))
  var boxTargets: BoxCoder.Convention?

  @Option(
    help: .init(
      "What the box loss is multiplied by (default: 1). ghm-r wants a tenth or less, or a larger μ: its gradient "
        + "hardly shrinks near the target.", valueName: "weight"))
  var boxLossWeight: Double?

  @Option(
    help: .init("smooth-l1: 1 in mmdetection 1, 0.111 in torchvision, 0 in detectron2 (default: 1).", valueName: "β"))
  var boxBeta: String?

  @Option(help: .init("ghm-r: where the loss goes over from square to linear (default: 0.02).", valueName: "μ"))
  var ghmMu: String?

  @Option(help: .init("ghm-r: bins over the gradient norms (default: 10).", valueName: "count"))
  var ghmBins: String?

  @Option(help: .init("ghm-r: how much of a bin's count stays from batch to batch (default: 0.7).", valueName: "share"))
  var ghmMomentum: String?

  func validate() throws {
    if let boxLossWeight, !(1e-9...1e9).contains(boxLossWeight) {
      throw ValidationError("--box-loss-weight must be a number from 1e-9 to 1e9")
    }
    _ = try choice()
  }

  /// What to train; `nil` for no box regressor.
  ///
  /// - Throws: `ValidationError`.
  func choice() throws -> BoxChoice? {
    let given = ["box-beta": boxBeta, "ghm-mu": ghmMu, "ghm-bins": ghmBins, "ghm-momentum": ghmMomentum]
      .compactMapValues { $0 }
    guard let boxLoss else {
      let others = [
        "box-classes": boxClasses?.rawValue, "box-targets": boxTargets?.rawValue,
        "box-loss-weight": boxLossWeight.map { "\($0)" },
      ].compactMapValues { $0 }
      if let name = given.merging(others, uniquingKeysWith: { $1 }).keys.min() {
        throw ValidationError("--\(name) needs --box-loss: without it no box regressor is trained")
      }
      return nil
    }
    return BoxChoice(
      loss: try chosen(boxLoss, of: BoxLossMethod.self, parameters: given),
      classes: boxClasses ?? .agnostic, convention: boxTargets ?? .standard, lossWeight: boxLossWeight ?? 1)
  }
}

extension BoxRegressor.Classes: ExpressibleByArgument {}
