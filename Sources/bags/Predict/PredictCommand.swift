import ArgumentParser
import BalancedGroupSoftmax
import Communication
import Foundation

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Detect with a trained head: cached features in, LVIS results JSON out.",
    discussion: """
      Each class of a RoI that scores above --score-threshold is a candidate. Its box is decoded from the feature \
      set's box_deltas and clipped to its image; candidates of a class that overlap by more than --nms-iou give way \
      to the best of them; the best --max-detections of each image are kept.

      No class of a RoI scores above the grouped heads' foreground score: where that cannot change an image's detections, \
      the classes are not multiplied, and the command says how often.

      The annotations give the image sizes to clip to. Without them boxes are not clipped; without box_deltas the \
      proposals are the boxes. --box-head applies a box regressor to the features instead, which takes less room than \
      box_deltas of every class: the detector's, which `bags convert` writes beside the classifier, or one that \
      `bags train --box-loss` trained.

      Queries of DETR and its kin have final boxes and are not suppressed: the best --max-detections of queries × classes \
      are kept, or of each query its best class (--per-query best). The set's metadata say which.

      Of whole images, a set without boxes, the scores of every class are written: as CSV where --output ends in .csv, \
      else as JSON. `bags evaluate --classification` scores them.

      On a set of feature maps, with a dense head, the best --candidates-per-level of every level are decoded; sizes, \
      anchors and the order of clipping and suppression are the set's. Boxes are those of the regression branch that was \
      trained with the head, where one was, else of the set's box_deltas; --box-head names a branch of another file.

      Built with MPI, several processes divide the images: mpirun -n 8 bags predict … writes the same file.

      EXAMPLES
        bags predict --features features/val --annotations lvis_v1_val.json
        bags predict runs/baseline --features features/val --annotations lvis_v1_val.json --output baseline.json
        bags predict detector_head.safetensors --features features/val --annotations val.json --score-threshold .05
        bags predict runs/bags --features features/val --annotations val.json --box-head detector_head.safetensors
        bags predict runs/boxes --features features/val --annotations val.json --box-head runs/boxes
      """)

  @Argument(help: .init("A run, or a head file (default: the latest run).", valueName: "run|head"))
  var head: String?

  @Option(help: .init("A feature set: a folder of safetensors or npz shards, or of npy arrays.", valueName: "folder"))
  var features: String

  @Option(
    help: .init(
      "Annotations of the same images: their sizes, and the classes of a head file that does not name its own.",
      valueName: "file"))
  var annotations: String?

  @Option(
    help: .init(
      "A run, or a head file, with a box regressor (fc_reg.weight, fc_reg.bias): boxes are its, not those of box_deltas.",
      valueName: "run|file"))
  var boxHead: String?

  @Option(
    help: .init(
      "Feature maps of a pyramid, with a detector's own file: the groups of GroupNorm in its branches, which the file does "
        + "not say; 32 in most.", valueName: "groups"))
  var normGroups: Int?

  @OptionGroup(title: "Detections") var detections: DetectionOptions

  @Option(
    help: .init(
      "Where the results go: JSON, or columns of tensors where it ends in .safetensors or .npz. Class scores of whole images "
        + "are CSV where it ends in .csv, else JSON.",
      valueName: "file"))
  var output = "results.json"

  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func validate() throws {
    if let normGroups, !(1...1 << 16).contains(normGroups) {
      throw ValidationError("--norm-groups must be from 1 to 65536")
    }
  }

  func run() throws {
    let ranks = try Ranks.joined()
    guard let pass = try Ranks.agreed({ try preparedPass(ranks) }) else { return }
    let start = ContinuousClock.now
    let count = try pass.images.writeResults(to: output, categoryIDs: pass.categoryIDs)
    let seconds = seconds(ContinuousClock.now - start)
    if ranks.count == 1, let total = pass.exampleCount, count.scored < total {
      StandardStreams.note(
        "the classes of \(grouped(count.scored)) of the \(grouped(total)) examples were multiplied; the others could not have "
          + "changed the detections")
    }
    try report(imageCount: pass.images.imageCount, detectionCount: count.detections, seconds: seconds)
  }

  /// A pass over the features, the categories of its classes, and the examples of a set whose examples are RoIs or queries.
  private typealias Pass = (images: any ImageDetecting, categoryIDs: [Int], exampleCount: Int?)

  /// - Returns: `nil` where class scores of whole images were written instead.
  private func preparedPass(_ ranks: any Communicator) throws -> Pass? {
    if ranks.rank == 0 { try overwrite.check(output) }
    let dataset = try annotations.map { try LVISDataset(contentsOf: $0, including: []) }
    guard let path = head ?? RunFolder.latest()?.path else {
      throw CommandFailure("runs/latest: there is no run yet; train one, or name a run or a head file")
    }
    let head = try loadHead(path, categories: dataset?.categories)
    if try FeatureMapSet.isMapSet(at: features) {
      return try preparedPass(with: head, named: path, on: FeatureMapSet(at: features), dataset: dataset)
    }
    let set = try FeatureSet(at: features)
    if set.kind != .queries, detections.perQuery != nil {
      throw CommandFailure("--per-query is for a set of queries; \(features) holds \(set.kind.plural)")
    }
    if !set.hasBoxes {
      guard ranks.count == 1 else {
        throw CommandFailure("\(features): the scores of whole images are written by one process")
      }
      try writeClassScores(of: head, named: path, on: set)
      return nil
    }
    try checkFormat()
    let regressor = try boxHead.map {
      try BoxRegressor(openTensors(at: RunFolder.headPath(for: $0)), groups: head.groups)
    }
    let pass = try DetectionPass(
      features: set, scorer: try detections.scorer(of: head), regressor: regressor, clippingTo: dataset,
      settings: detections.settings)
    StandardStreams.note(
      "\(path) (\(head.method)): \(grouped(set.roiCount)) \(set.kind.plural) of \(grouped(set.images.count)) images, "
        + "\(grouped(head.groups.classCount)) classes")
    if boxHead == nil, try openTensors(at: RunFolder.headPath(for: path)).names.contains("fc_reg.weight") {
      StandardStreams.note("it has a box regressor of its own, which --box-head \(path) applies")
    }
    describe(pass, head: head, dataset: dataset)
    if let dataset, ranks.rank == 0 {
      // Images without RoIs have been spoken of.
      StandardStreams.show(try set.findings(against: dataset).filter { $0.code != .imagesWithoutRoIs })
    }
    return (pass, head.groups.members.map(\.id), set.roiCount)
  }

  private func checkFormat() throws {
    guard !output.hasSuffix(".csv") else {
      throw CommandFailure("\(output): detections are written as JSON, or as columns (.safetensors, .npz), not as CSV")
    }
  }

  /// A pass over feature maps.
  private func preparedPass(
    with head: LinearHead, named path: String, on maps: FeatureMapSet, dataset: LVISDataset?
  ) throws -> Pass {
    if detections.precision == .fixed(.bfloat16) {
      throw CommandFailure("\(maps.path): feature maps are multiplied in fp32, not in bf16; leave out --precision")
    }
    if detections.perQuery != nil {
      throw CommandFailure("--per-query is for a set of queries; \(maps.path) holds feature maps")
    }
    try checkFormat()
    if let dataset { try maps.checkImages(areIn: dataset) }
    let head = try normGroups.map { try head.statingNormGroups($0) } ?? head
    let branch = try boxBranch(of: head, named: path, on: maps)
    let pass = try AnchorDetectionPass(maps: maps, head: head, boxBranch: branch, settings: detections.settings)
    StandardStreams.note(
      "\(path) (\(head.method)): \(grouped(maps.locationCount * pass.anchors.anchorsPerLocation)) anchors of "
        + "\(grouped(maps.images.count)) images, \(grouped(head.groups.classCount)) classes")
    if branch != nil {
      StandardStreams.note("boxes are those of the regression branch of \(boxHead ?? path)")
    } else if maps.anchorsPerLocation == nil {
      StandardStreams.warn("\(maps.path): has no box_deltas, the anchors are used as they are")
    }
    return (pass, head.groups.members.map(\.id), nil)
  }

  /// The regression branch that gives the boxes: that of --box-head, else the head's own where it was trained, or where the
  /// set has no deltas; `nil` to take the set's.
  private func boxBranch(of head: LinearHead, named path: String, on maps: FeatureMapSet) throws -> BoxBranch? {
    let branch: BoxBranch?
    if let boxHead {
      branch = try BoxBranch(ifIn: openTensors(at: RunFolder.headPath(for: boxHead)))
      if branch == nil { throw CommandFailure("\(boxHead): has no regression branch of a dense head") }
    } else if head.isOfDetector, maps.anchorsPerLocation != nil || maps.statedTower ?? 0 == 0 {
      // The set has what this branch gave, or is the output of the other branch's tower.
      branch = nil
    } else {
      branch = try BoxBranch(ifIn: openTensors(at: RunFolder.headPath(for: path)))
    }
    return try normGroups.flatMap { groups in try branch?.statingNormGroups(groups) } ?? branch
  }

  private func loadHead(_ path: String, categories: [LVISCategory]?) throws -> LinearHead {
    // Only the classes matter here, not their counts.
    let counts = (categories ?? []).map { CategoryCount(id: $0.id, name: $0.name, instances: 0, images: 0) }
    let classes = counts.isEmpty ? nil : try CategoryGroups(counts: counts)
    return try LinearHead(contentsOf: RunFolder.headPath(for: path), groups: classes)
  }

  /// Writes the class scores of whole images.
  private func writeClassScores(of head: LinearHead, named path: String, on set: FeatureSet) throws {
    if boxHead != nil || DetectionColumns.areTensors(at: output) {
      throw CommandFailure(
        "\(features): holds whole images, whose class scores have no boxes; they are written as .csv or .json")
    }
    StandardStreams.note(
      "\(path) (\(head.method)): \(grouped(set.images.count)) images without boxes, "
        + "\(grouped(head.groups.classCount)) classes")
    let start = ContinuousClock.now
    let pass = try ClassScorePass(
      features: set, scorer: try detections.scorer(of: head), threads: detections.settings.threads)
    try pass.write(to: output, categoryIDs: head.groups.members.map(\.id))
    let seconds = seconds(ContinuousClock.now - start)
    if format.isJSON {
      try printJSON(
        PredictionSummary(
          results: output, images: set.images.count, detections: nil, scores: set.roiCount, seconds: seconds))
    } else {
      StandardStreams.result(
        "\(output): \(grouped(head.groups.classCount)) class scores of \(grouped(set.roiCount)) examples, "
          + "in \(ProgressLine.duration(seconds))")
    }
  }

  /// Says what is left out.
  private func describe(_ pass: DetectionPass, head: LinearHead, dataset: LVISDataset?) {
    let set = pass.features
    // The boxes of queries are final, and reach where the detector put them.
    if set.kind == .rois {
      if boxHead == nil && set.width(of: .boxDeltas) == nil {
        StandardStreams.warn("\(set.path): has no box_deltas, the proposals are used as they are")
      }
      if annotations == nil { StandardStreams.warn("no --annotations: boxes are not clipped to their images") }
    }
    guard let dataset, let annotations else { return }
    if pass.unclippedImageCount > 0 {
      StandardStreams.warn(
        "\(annotations): \(grouped(pass.unclippedImageCount)) images have no size, their boxes are not clipped")
    }
    let missing = Set(dataset.images.map(\.id)).subtracting(set.images.map(\.id)).count
    if missing > 0 {
      StandardStreams.warn(
        "\(set.path): \(grouped(missing)) of the \(grouped(dataset.images.count)) annotated images have no \(set.kind.plural) there"
      )
    }
    let unknown = Set(head.groups.members.map(\.id)).subtracting(dataset.categories.map(\.id)).count
    if unknown > 0 {
      StandardStreams.warn(
        "\(annotations): \(grouped(unknown)) of the head's \(grouped(head.groups.classCount)) categories are not there")
    }
  }

  private func report(imageCount: Int, detectionCount: Int, seconds: Double) throws {
    if format.isJSON {
      try printJSON(
        PredictionSummary(results: output, images: imageCount, detections: detectionCount, seconds: seconds))
    } else {
      StandardStreams.result(
        "\(output): \(grouped(detectionCount)) detections in \(grouped(imageCount)) images, "
          + "in \(ProgressLine.duration(seconds))")
    }
  }
}

/// What `bags predict --format json` prints.
private struct PredictionSummary: Encodable {
  var results: String
  var images: Int
  var detections: Int?
  /// The examples that classes are scored of, where they have no boxes.
  var scores: Int?
  var seconds: Double
}
