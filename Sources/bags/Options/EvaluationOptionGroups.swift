import ArgumentParser
import BalancedGroupSoftmax

/// The ground truth and the results that an evaluation reads.
struct EvaluationInputOptions: ParsableArguments {
  @Option(help: .init("Ground truth: an LVIS, COCO or COCO-like file.", valueName: "file"))
  var annotations: String?

  @Option(
    help: .init(
      "In place of --annotations, the class of each image: annotations, or CSV with image_id and category_id; --results are then class scores.",
      valueName: "file"))
  var classification: String?

  @Option(
    help: .init(
      "Detections: a JSON list, as LVIS and COCO submit them; safetensors or npz with image_ids, category_ids, boxes and "
        + "scores; or a run that keeps either.", valueName: "file|run"))
  var results: String

  @Option(
    help: .init(
      "A groups.json: adds AP1, AP2…, the mean over each group's classes; with --per-class, training instances.",
      valueName: "file"))
  var groups: String?

  @Option(
    help: .init(
      "Training annotations whose image counts make r, c and f (1–10, 11–100, more), instead of each category's frequency.",
      valueName: "file"))
  var frequencyFrom: String?

  @OptionGroup var strictness: StrictnessOptions

  func validate() throws {
    guard (annotations == nil) != (classification == nil) else {
      throw ValidationError(
        annotations == nil
          ? "Missing expected argument '--annotations <file>'" : "--annotations and --classification exclude each other"
      )
    }
  }

  /// Reads the ground truth, and says on standard error what is odd about it.
  func makeEvaluator(_ rules: EvaluationRuleOptions, keepsCurves: Bool = false) throws -> LVISEvaluator {
    let annotations = annotations ?? ""
    var options = try rules.options()
    options.keepsCurves = keepsCurves
    if let frequencyFrom {
      let counts = try LVISDataset(contentsOf: frequencyFrom, including: []).categoryCounts()
      options.frequencies = Dictionary(
        counts.map { ($0.id, LVISFrequency(trainingImageCount: $0.images)) }
      ) { $1 }
    }
    // Where masks are scored, the reference implementations look at no box.
    let dataset = try LVISDataset(
      contentsOf: annotations, including: options.iouType == .bbox ? .boxes : .segmentations,
      isStrict: strictness.strict)
    if let groups {
      let grouping = try CategoryGroups(contentsOf: groups)
      guard grouping.members.map(\.id) == dataset.categories.map(\.id) else {
        throw CommandFailure(
          "\(groups): its \(grouping.classCount) categories are not the \(dataset.categories.count) of \(annotations); "
            + "make it from the training annotations of the same data set")
      }
      options.groups = grouping
    }
    do {
      let evaluator = try LVISEvaluator(groundTruth: dataset, options: options)
      StandardStreams.show(evaluator.warnings)
      return evaluator
    } catch let error as EvaluationError {
      throw CommandFailure(error.place == nil ? "\(error)" : "\(annotations): \(error)")
    }
  }
}

/// Inputs that are refused although the reference implementations take them.
struct StrictnessOptions: ParsableArguments {
  @Flag(help: "Refuse annotations of images that the file does not list, instead of leaving them out with a warning.")
  var strict = false
}

/// The rules, the overlap and the caps of an evaluation.
struct EvaluationRuleOptions: ParsableArguments {
  @Option(help: "What overlap decides: of boxes, of masks, or of masks and their boundaries.")
  var iouType: EvaluationOptions.IoUType = .bbox

  @Option(help: "Whose rules: lvis, or coco with its own twelve metrics.")
  var `protocol`: EvaluationOptions.Rules = .lvis

  @Option(help: .init("Detections an image may have over all classes, the best ones; =-1 for no cap.", valueName: "n"))
  var maxDetections: Int?

  @Option(
    defaultAsFlag: 10_000,
    help: .init(
      "Fixed AP: this many detections a class over the whole set (10000 unless given), and no cap an image.",
      valueName: "K"))
  var fixedAP: Int?

  @Option(
    help: .init("IoU thresholds that AP averages over, such as 0.5,0.75 (default: .5 to .95).", valueName: "list"))
  var iouThresholds: NumberList?

  @Option(
    help: .init(
      "Areas in px² with metrics of their own (default: small=0-1024,medium=1024-9216,large=9216-1e10).",
      valueName: "list"))
  var areaRanges: AreaRangeList?

  @Flag(help: "Count matches with ground truth of id 0, which the reference takes for none.")
  var fixIDZero = false

  func validate() throws {
    if let maxDetections, maxDetections < 1 && maxDetections != -1 {
      throw ValidationError("--max-detections must be positive, or -1 for no cap")
    }
    if let fixedAP, fixedAP < 1 { throw ValidationError("--fixed-ap must be positive") }
    if self.protocol == .coco {
      if maxDetections != nil || fixedAP != nil {
        throw ValidationError("--protocol coco has its own caps: 1, 10 and 100 detections an image and class")
      }
      if iouType == .boundary { throw ValidationError("--protocol coco knows --iou-type bbox and segm") }
    }
    if iouThresholds != nil || areaRanges != nil { _ = try options() }
  }

  func options() throws -> EvaluationOptions {
    var options = EvaluationOptions(iouType: iouType, rules: self.protocol)
    if fixedAP != nil { options.maxDetectionsPerImage = nil }
    if let maxDetections { options.maxDetectionsPerImage = maxDetections > 0 ? maxDetections : nil }
    options.maxDetectionsPerCategory = fixedAP
    if let iouThresholds { options.iouThresholds = iouThresholds.values }
    if let areaRanges { options.areaRanges = areaRanges.ranges }
    options.fixesIDZero = fixIDZero
    do {
      try options.validate()
    } catch let error as EvaluationError {
      throw ValidationError(error.description)
    }
    return options
  }
}

extension EvaluationOptions.IoUType: ExpressibleByArgument {}
extension EvaluationOptions.Rules: ExpressibleByArgument {}

/// Numbers with commas between them.
struct NumberList: ExpressibleByArgument {
  let values: [Double]

  init?(argument: String) {
    let parts = argument.split(separator: ",").map { Double($0.trimmingCharacters(in: .whitespaces)) }
    guard !parts.isEmpty, parts.allSatisfy({ $0?.isFinite ?? false }) else { return nil }
    values = parts.compactMap { $0 }
  }
}

/// Ranges of area: `small=0-1024,large=1024-1e10`.
struct AreaRangeList: ExpressibleByArgument {
  let ranges: [AreaRange]

  init?(argument: String) {
    var ranges: [AreaRange] = []
    for part in argument.split(separator: ",") {
      let sides = part.split(separator: "=", maxSplits: 1)
      guard sides.count == 2 else { return nil }
      let bounds = sides[1].split(separator: "-", omittingEmptySubsequences: false).map { Double($0) }
      guard bounds.count == 2, let lower = bounds[0], let upper = bounds[1], lower <= upper else { return nil }
      ranges.append(AreaRange(String(sides[0]), lower...upper))
    }
    self.ranges = ranges
  }
}
