import DetectionHeads
import DurableFiles
import FeatureSets
import HeadInference
import LVISDatasets
import LVISEvaluation
import TensorFiles

/// Files that belong together, looked at for everything that makes training or scoring on them worthless.
///
/// ```swift
/// var files = CheckedFiles(annotations: "lvis_v1_train.json")
/// files.features = "features/train"
/// for finding in DataCheck(of: files).findings { print(finding.severity, finding.line) }
/// ```
///
/// A file that cannot be read is a finding too, and the others are looked at as far as they can be without it.
public struct DataCheck: Sendable {
  /// What is wrong or odd, errors first; within a severity by file.
  public private(set) var findings: [DataFinding] = []
  /// What the annotations hold; `nil` where they cannot be read.
  public private(set) var annotations: AnnotationSummary?
  /// What the feature set holds; `nil` without one that can be read.
  public private(set) var features: FeatureSetInspection?
  /// What the set of feature maps holds; `nil` without one that can be read.
  public private(set) var maps: MapSetSummary?
  /// What the results came to; `nil` without results that can be scored.
  public private(set) var results: ResultsSummary?
  /// What the head is; `nil` without one that can be read.
  public private(set) var head: HeadSummary?

  /// Looks at files.
  ///
  /// - Complexity: Every file is read whole, the features on all cores.
  public init(of files: CheckedFiles) {
    let dataset = readAnnotations(files.annotations)
    let groups = readGroups(files.groups, dataset)
    if let dataset { annotations = AnnotationSummary(dataset, groups: groups) }
    // The evaluator has its own words for what the annotations lack.
    if let dataset, let results = files.results, check(results: results, dataset, groups) {
      add(dataset.structureFindings())
    } else if let dataset {
      // What only scoring needs is no fault of training annotations.
      add(
        dataset.inspection().map { finding in
          var finding = finding
          if finding.concernsScoringOnly { finding.severity = .note }
          return finding
        })
    }
    if let path = files.features { check(features: path, dataset, groups) }
    if let path = files.head { check(head: path, dataset, groups) }
    // A stable order: by severity, else as they were found.
    findings = DataFinding.Severity.allCases.flatMap { severity in findings.filter { $0.severity == severity } }
  }

  /// How many findings are of a severity.
  public func count(of severity: DataFinding.Severity) -> Int { findings.count { $0.severity == severity } }

  // MARK: Files

  private mutating func readAnnotations(_ path: String) -> LVISDataset? {
    do {
      return try LVISDataset(contentsOf: path, including: .segmentations)
    } catch {
      // Masks that cannot be read leave the boxes.
      if let dataset = try? LVISDataset(contentsOf: path) {
        add([.unreadable(error, file: path, severity: .warning, remedy: "boxes can be used all the same")])
        return dataset
      }
      add([.unreadable(error, file: path)])
      return nil
    }
  }

  private mutating func readGroups(_ path: String?, _ dataset: LVISDataset?) -> CategoryGroups? {
    guard let path else { return dataset.flatMap { try? CategoryGroups(counting: $0) } }
    do {
      let groups = try CategoryGroups(contentsOf: path)
      guard let dataset else { return groups }
      let (own, theirs) = (Set(groups.members.map(\.id)), Set(dataset.categories.map(\.id)))
      guard own != theirs else { return groups }
      add([
        DataFinding(
          .groupsOfOtherCategories, .error, count: own.symmetricDifference(theirs).count,
          "its \(own.count) categories are not the \(theirs.count) of \(dataset.path ?? "the annotations")",
          example: own.symmetricDifference(theirs).min().map { "category \($0)" },
          remedy: "make it anew with `bags group` from the training annotations", file: path)
      ])
    } catch {
      add([.unreadable(error, file: path)])
    }
    return nil
  }

  /// - Returns: Whether the annotations could be made into ground truth.
  private mutating func check(results path: String, _ dataset: LVISDataset, _ groups: CategoryGroups?) -> Bool {
    var options = EvaluationOptions()
    options.groups = groups
    let evaluator: LVISEvaluator
    do {
      evaluator = try LVISEvaluator(groundTruth: dataset, options: options)
    } catch {
      add([.unreadable(error, file: dataset.path ?? path)])
      return false
    }
    add(evaluator.warnings)
    do {
      let prepared = try evaluator.prepare(resultsAt: path)
      let result = evaluator.evaluate(prepared)
      results = ResultsSummary(path: path, detections: prepared.count, metrics: result.metricsByName)
      let found = evaluator.inspection(of: prepared)
      add(found)
      // What only shows in scoring.
      add(result.warnings.filter { !evaluator.warnings.contains($0) && !found.contains($0) })
      addMaskFindings(path, dataset)
    } catch {
      add([.unreadable(error, file: path)])
    }
    return true
  }

  /// Whether there are masks among the first results.
  private static func beginsWithMasks(_ path: String) -> Bool {
    struct Enough: Error {}
    var hasMasks = false
    try? DetectionColumns.forEachChunk(ofResults: path, windowBytes: 1 << 16) { chunk, _ in
      hasMasks = chunk.presences.contains { $0.contains(.segmentation) }
      throw Enough()
    }
    return hasMasks
  }

  /// Masks, where both files have them.
  private mutating func addMaskFindings(_ path: String, _ dataset: LVISDataset) {
    guard dataset.segmentations != nil, Self.beginsWithMasks(path) else { return }
    do {
      var options = EvaluationOptions()
      options.iouType = .segm
      let evaluator = try LVISEvaluator(groundTruth: dataset, options: options)
      let found = evaluator.findings(of: try evaluator.prepare(resultsAt: path))
      add(found.filter { $0.code == .maskSizes })
    } catch {
      add([
        .unreadable(
          error, file: path, severity: .warning,
          remedy: "masks cannot be scored; boxes can, all the same")
      ])
    }
  }

  private mutating func check(features path: String, _ dataset: LVISDataset?, _ groups: CategoryGroups?) {
    do {
      if try FeatureMapSet.isMapSet(at: path) { return try check(maps: FeatureMapSet(at: path), dataset) }
      let inspection = try FeatureSetInspection(FeatureSet(at: path), dataset: dataset, groups: groups)
      features = inspection
      add(inspection.findings)
    } catch {
      add([.unreadable(error, file: path)])
    }
  }

  private mutating func check(maps: FeatureMapSet, _ dataset: LVISDataset?) throws {
    let anchors = try AnchorSettings(
      metadata: maps.metadata, levelCount: maps.levelCount, anchorsPerLocation: maps.anchorsPerLocation, path: maps.path
    )
    self.maps = MapSetSummary(maps, anchors: anchors)
    try maps.checkFeatures()
    guard let dataset else { return }
    try maps.checkImages(areIn: dataset)
    let missing = Set(dataset.images.map(\.id)).subtracting(maps.images.map(\.id))
    if let example = missing.min() {
      add([
        DataFinding(
          .imagesWithoutMaps, .warning, count: missing.count,
          "\(missing.count) of the \(dataset.images.count) annotated images have no feature maps",
          example: "image \(example)", file: maps.path)
      ])
    }
    if maps.anchorsPerLocation == nil {
      add([
        DataFinding(
          .noBoxDeltas, .note, count: 1, "has no box_deltas: predictions would have the anchors as their boxes",
          file: maps.path)
      ])
    }
  }

  private mutating func check(head path: String, _ dataset: LVISDataset?, _ groups: CategoryGroups?) {
    do {
      let counts = (dataset?.categories ?? []).map {
        CategoryCount(id: $0.id, name: $0.name, instances: 0, images: 0)
      }
      let file = try openTensors(at: path)
      let head = try LinearHead(file, groups: groups ?? (counts.isEmpty ? nil : CategoryGroups(counts: counts)))
      self.head = HeadSummary(head, path: path)
      var found = head.findings(categories: dataset?.categories, featureCount: features?.features)
      if let source = features?.source, head.layout.anchorsPerLocation == nil, source.featureCount == head.inputs,
        head.groups.members.map(\.id) == dataset?.categories.map(\.id)
      {
        found += try head.findings(on: source)
      }
      add(found.map { $0.inFile(path) })
      if let maps, maps.anchorsPerLocation != head.layout.anchorsPerLocation || 9 * maps.channels != head.inputs {
        throw LinearHeadError(
          .wrongShape,
          "does not fit \(maps.path): maps of \(maps.channels) channels and \(maps.anchorsPerLocation) anchors a location "
            + "need a dense head of as many", path: path)
      }
      _ = try BoxRegressor(ifIn: file, groups: head.groups)
    } catch {
      add([.unreadable(error, file: path)])
    }
  }

  private mutating func add(_ found: [DataFinding]) {
    for finding in found where !findings.contains(finding) { findings.append(finding) }
  }
}

/// Files to look at together.
public struct CheckedFiles: Sendable {
  /// LVIS, COCO or COCO-like annotations.
  public var annotations: String
  /// A feature set of the same images.
  public var features: String?
  /// Detections in the same images.
  public var results: String?
  /// A head file for the same classes.
  public var head: String?
  /// A groups.json of the same classes; made from the annotations unless given.
  public var groups: String?

  /// Names the annotations alone.
  public init(annotations: String) { self.annotations = annotations }
}

extension DataFinding.Code {
  /// A file that cannot be read, or holds something else.
  public static let unreadable = Self(rawValue: "unreadable")
  /// Images of the annotations that a set of feature maps does not have.
  public static let imagesWithoutMaps = Self(rawValue: "images-without-maps")
  /// A set of feature maps without the predicted deltas of its anchors.
  public static let noBoxDeltas = Self(rawValue: "no-box-deltas")
  /// Groups of other categories than the annotations'.
  public static let groupsOfOtherCategories = Self(rawValue: "groups-of-other-categories")
}

extension DataFinding {
  /// A file that could not be read: the error's own words.
  static func unreadable(
    _ error: any Error, file: String, severity: Severity = .error, remedy: String? = nil
  ) -> DataFinding {
    let text = "\(error)"
    // The error names its file, which may be a shard of the one that was given.
    let isNamed = text.hasPrefix(file + ": ")
    return DataFinding(
      .unreadable, severity, count: 1, isNamed ? String(text.dropFirst(file.count + 2)) : text, remedy: remedy,
      file: isNamed || !text.hasPrefix(file) ? file : nil)
  }
}
