import ArgumentParser
import BalancedGroupSoftmax
import Foundation

/// The thresholds by which scores and boxes become detections; the defaults are LVIS's usual ones.
struct DetectionOptions: ParsableArguments {
  @Option(
    help: .init(
      "The score that a candidate must pass (default: 1e-4; queries: as their set says, else 0).", valueName: "score"))
  var scoreThreshold: Float?

  @Option(
    help: .init(
      "The IoU above which boxes of a class suppress each other, 1 for none (default: 0.5; queries: as their set says, else 1).",
      valueName: "iou"))
  var nmsIou: Double?

  @Option(
    help: .init(
      "The detections kept of an image, over all classes (default: 300, or as a set of queries says).",
      valueName: "count"))
  var maxDetections: Int?

  @Option(
    help: .init(
      "Queries: the best class of each, as DETR detects, or all, as detectors with sigmoids do (default: as their set says, else all).",
      valueName: "classes"))
  var perQuery: QueryDetectionSettings.Classes?

  @Option(help: .init("Feature maps: the best candidates kept of each level.", valueName: "count"))
  var candidatesPerLevel = 1000

  @Option(
    help: .init(
      "Leave out boxes that are narrower or lower than this once clipped; torchvision's is .01.", valueName: "pixels"))
  var minBoxSize: Float = 0

  @Option(
    help: .init(
      "Whose rules decode box_deltas: standard (detectron2, torchvision), mmdetection2 (and 3), mmdetection1 (+1).",
      valueName: "convention"))
  var boxCoder = BoxCoder.Convention.standard

  @Option(help: "Threads (default: the processors that this process may use). The result does not depend on it.")
  var threads: Int?

  @Option(
    help: .init(
      "RoIs: the precision of the operands when the head is multiplied: fp32, bf16 (about twice as fast, on processors with "
        + "AVX-512 BF16), or auto, bf16 where processor and head allow it.", valueName: "auto|fp32|bf16"))
  var precision = PrecisionOption.fixed(.single)

  /// What scores RoIs: the head, or the head in bfloat16.
  func scorer(of head: LinearHead) throws -> any RoIScorer {
    switch precision {
    case .fixed(.single): return head
    case .fixed(.bfloat16): return try BFloat16Scorer(head)
    case .auto:
      return ProductPrecision.bfloat16.isAvailable && BFloat16Scorer.suits(head) ? try BFloat16Scorer(head) : head
    }
  }

  func validate() throws {
    func require(_ holds: Bool, _ message: String) throws { if !holds { throw ValidationError(message) } }
    try require((0..<1).contains(scoreThreshold ?? 0), "--score-threshold must be at least 0 and below 1")
    try require((0...1).contains(nmsIou ?? 0), "--nms-iou must be from 0 to 1")
    try require((1...1_000_000).contains(maxDetections ?? 1), "--max-detections must be from 1 to 1000000")
    try require((1...1_000_000_000).contains(candidatesPerLevel), "--candidates-per-level must be from 1 to 1000000000")
    try require((0...1e6).contains(minBoxSize), "--min-box-size must be from 0 to 1000000")
    try require((1...1024).contains(threads ?? 1), "--threads must be from 1 to 1024")
  }

  var settings: DetectionSettings {
    DetectionSettings(
      scoreThreshold: scoreThreshold ?? 1e-4, suppressionIoU: nmsIou ?? 0.5, maximumPerImage: maxDetections ?? 300,
      minimumSize: minBoxSize, candidatesPerLevel: candidatesPerLevel,
      queries: QueryDetectionSettings(
        classes: perQuery, scoreThreshold: scoreThreshold, suppressionIoU: nmsIou, maximumPerImage: maxDetections),
      boxCoder: BoxCoder(convention: boxCoder),
      threads: threads ?? DefaultThreads.count)
  }
}

extension BoxCoder.Convention: ExpressibleByArgument {}
extension QueryDetectionSettings.Classes: ExpressibleByArgument {}
