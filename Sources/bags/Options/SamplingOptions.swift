import ArgumentParser
import BalancedGroupSoftmax

/// The sampler of images and the way to choose RoIs.
struct SamplingOptions: ParsableArguments {
  @Option(
    help: .init(
      "Which images an epoch visits: \(ImageSamplingMethod.all.map(\.name).joined(separator: ", ")).",
      valueName: "name"),
    completion: .list(ImageSamplingMethod.all.map(\.name)))
  var sampler = ImageSamplingMethod.random.name

  @Option(
    help: .init("rfs: classes in less than this share of images are repeated (default: 0.001).", valueName: "t"))
  var repeatThreshold: String?

  @Option(
    help: .init("tail: a class with fewer training instances is rare (default: 100).", valueName: "instances"))
  var tailBelow: String?

  @Option(
    help: .init(
      "Which RoIs of a batch are trained on: \(RoIMiningMethod.all.map(\.name).joined(separator: ", ")) (default: all).",
      valueName: "name"), completion: .list(RoIMiningMethod.all.map(\.name)))
  var mining: String?

  @Option(
    help: .init(
      "random, ohem, s-ohem: RoIs of an image (default: 512 for random, 64 for the others).", valueName: "count"))
  var roisPerImage: String?

  @Option(help: .init("random: the largest share of foreground (default: 0.25).", valueName: "share"))
  var positiveFraction: String?

  @Option(
    help: .init(
      "ohem, s-ohem: the IoU above which an easier RoI gives way (default: 0.7; 1 for never).", valueName: "iou"))
  var miningNms: String?

  @Option(
    help: .init(
      "ohem-1to3, offline: background RoIs for each foreground RoI of an image (default: 3).", valueName: "ratio"))
  var negativesPerPositive: String?

  @Option(help: .init("offline: a head that was trained before.", valueName: "run|head"))
  var miningHead: String?

  @Option(
    help: .init("offline: background that scores at least this is a false positive (default: 0.5).", valueName: "score")
  )
  var miningThreshold: String?

  func validate() throws {
    _ = try samplerChoice()
    _ = try miningChoice()
  }

  /// The sampler; `nil` where every image is visited once.
  ///
  /// - Throws: `ValidationError`.
  func samplerChoice() throws -> MethodChoice? {
    let given = ["repeat-threshold": repeatThreshold, "tail-below": tailBelow].compactMapValues { $0 }
    let choice = try chosen(sampler, of: ImageSamplingMethod.self, parameters: given)
    return choice.name == ImageSamplingMethod.random.name ? nil : choice
  }

  /// The way RoIs are chosen; `nil` where all are.
  ///
  /// - Throws: `ValidationError`.
  func miningChoice() throws -> MethodChoice? {
    let given = [
      "rois-per-image": roisPerImage, "positive-fraction": positiveFraction, "mining-nms": miningNms,
      "negatives-per-positive": negativesPerPositive, "mining-threshold": miningThreshold,
    ].compactMapValues { $0 }
    guard let mining else {
      if let name = given.keys.sorted().first ?? (miningHead == nil ? nil : "mining-head") {
        throw ValidationError("--\(name) needs --mining: without it all RoIs are trained on")
      }
      return nil
    }
    let choice = try chosen(mining, of: RoIMiningMethod.self, parameters: given)
    let needsHead = RoIMiningMethod.named(mining)?.needsMiningHead ?? false
    if needsHead != (miningHead != nil) {
      throw ValidationError(
        needsHead
          ? "--mining \(mining) needs --mining-head: the head whose false positives are to be learnt"
          : "--mining-head is for --mining offline; \(mining) ranks by the head that is trained")
    }
    return choice
  }
}
