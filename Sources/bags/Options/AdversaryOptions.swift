import ArgumentParser
import BalancedGroupSoftmax

/// The adversary that makes pooled maps harder while the head is trained.
struct AdversaryOptions: ParsableArguments {
  @Option(
    help: .init(
      "Make pooled maps [N, C, H, W] harder for the head while it is trained: "
        + "\(AdversaryMethod.all.map(\.name).joined(separator: ", ")); `bags methods NAME` says how (default: none).",
      valueName: "name"), completion: .list(AdversaryMethod.all.map(\.name)))
  var adversary: String?

  @Option(help: .init("The share of the steps that train the head alone (default: 0.1333).", valueName: "share"))
  var headShare: String?

  @Option(
    help: .init(
      "The share of the steps after them that train the adversary alone (default: 0.3333); the rest trains both.",
      valueName: "share"))
  var adversaryShare: String?

  @Option(help: .init("The adversary's learning rate (default: 0.001).", valueName: "rate"))
  var adversaryRate: String?

  @Option(
    help: .init("occlusion: outputs of each of the occluder's convolutions (default: 256).", valueName: "channels"))
  var occluderChannels: String?

  @Option(
    help: .init("occlusion: the side of the windows tried, in cells of the map (default: 2).", valueName: "cells"))
  var occluderWindow: String?

  @Option(help: .init("occlusion: from one window to the next (default: 2; paper: 1).", valueName: "cells"))
  var occluderStride: String?

  @Option(
    help: .init(
      "occlusion: the share of cells outside the hardest window that give a gradient (default: 0.4; paper: 1).",
      valueName: "share"))
  var occluderKeptGradient: String?

  @Option(
    help: .init(
      "occlusion: cells of highest probability that may be hidden (default: 20; paper: 24).", valueName: "cells"))
  var occluderCandidates: String?

  @Option(help: .init("occlusion: how many of them are (default: 15; paper: 16).", valueName: "cells"))
  var occluderDropped: String?

  @Option(
    help: .init(
      "occlusion: a mask teaches where the score of the true class fell by more (default: 0.1).", valueName: "score"))
  var occluderFall: String?

  @Option(
    help: .init("occlusion: the factor of its loss while both are trained (default: 0.0025).", valueName: "weight"))
  var occluderLossWeight: String?

  @Option(
    help: .init(
      "deformation (from the paper, no public code): blocks of channels, each with an angle of its own (default: 4).",
      valueName: "count"))
  var deformerBlocks: String?

  @Option(
    help: .init(
      "deformation (from the paper, no public code): no angle is larger (default: 10).", valueName: "degrees"))
  var deformerDegrees: String?

  func validate() throws { _ = try choice() }

  /// What was chosen; `nil` for no adversary.
  ///
  /// - Throws: `ValidationError`.
  func choice() throws -> MethodChoice? {
    let given = [
      "head-share": headShare, "adversary-share": adversaryShare, "adversary-rate": adversaryRate,
      "occluder-channels": occluderChannels, "occluder-window": occluderWindow, "occluder-stride": occluderStride,
      "occluder-kept-gradient": occluderKeptGradient, "occluder-candidates": occluderCandidates,
      "occluder-dropped": occluderDropped, "occluder-fall": occluderFall,
      "occluder-loss-weight": occluderLossWeight, "deformer-blocks": deformerBlocks,
      "deformer-degrees": deformerDegrees,
    ].compactMapValues { $0 }
    guard let adversary else {
      if let name = given.keys.min() {
        throw ValidationError("--\(name) needs --adversary: without it features stay as they are")
      }
      return nil
    }
    return try chosen(adversary, of: AdversaryMethod.self, parameters: given)
  }
}
