import LVISDatasets

/// All that can be said about a feature set, by itself and beside its annotations.
public struct FeatureSetInspection: Sendable, Encodable {
  /// The RoIs of an image.
  public struct Spread: Sendable, Codable, Equatable {
    /// The number of RoIs of the image that has fewest.
    public let least: Int
    /// As many as half of the images have at most.
    public let median: Int
    /// The number of RoIs of the image that has most.
    public let greatest: Int

    /// Makes a spread.
    public init(least: Int, median: Int, greatest: Int) {
      self.least = least
      self.median = median
      self.greatest = greatest
    }
  }

  /// The folder or file.
  public let path: String
  /// The examples of the set: RoIs, queries or whole images.
  public let kind: FeatureSet.Kind
  /// The number N of RoIs in the set.
  public let rois: Int
  /// Images with RoIs.
  public let images: Int
  /// The number D of features of each RoI.
  public let features: Int
  /// The shape of each RoI's pooled map, `[C, H, W]` in JSON; `nil` where a RoI has a vector.
  public let pooled: PooledShape?
  /// S, the stages of a cascade.
  public let stages: Int
  /// The RoIs labelled as an object, whether the set says so or overlap does; `nil` where neither can.
  public private(set) var foreground: Int?
  /// Whether the set states its labels.
  public let statesLabels: Bool
  /// How many RoIs an image has.
  public let roisPerImage: Spread
  /// The root of the mean square of all features.
  public let scale: Double
  /// The recall of the RoIs at IoU .5 and .75, of all objects and of each group; empty without annotations or boxes.
  public private(set) var recall: [ProposalRecall] = []
  /// What is wrong or odd.
  public private(set) var findings: [DataFinding]

  /// The set with the labels that training takes; `nil` where there are none.
  package private(set) var source: LabelledFeatureSet?

  private enum CodingKeys: String, CodingKey {
    case path, kind, rois, images, features, pooled, stages, foreground, statesLabels, roisPerImage, scale, recall
  }

  /// Goes through all of a set.
  ///
  /// - Parameters:
  ///   - set: The set.
  ///   - dataset: The annotations of the same images; `nil` where there are none.
  ///   - groups: The groups of the classes, for the recall of each; `nil` for all objects together.
  /// - Throws: `FeatureSetError` if a box is not finite.
  /// - Complexity: O(N · D), and O(RoIs × objects) for each image.
  public init(_ set: FeatureSet, dataset: LVISDataset?, groups: CategoryGroups? = nil) throws {
    path = set.path
    kind = set.kind
    rois = set.roiCount
    images = set.images.count
    features = set.featureCount
    pooled = set.pooledShape
    stages = set.stageCount
    statesLabels = set.hasLabels
    let counts = set.images.map(\.rows.count).sorted()
    roisPerImage = Spread(
      least: counts.first ?? 0, median: counts.isEmpty ? 0 : counts[counts.count / 2], greatest: counts.last ?? 0)
    let census = FeatureCensus.of(set)
    scale = census.scale
    var found = census.findings.map { $0.inFile(set.path) } + (try set.alikeFindings())
    if let fewest = set.images.min(by: { ($0.rows.count, $0.id) < ($1.rows.count, $1.id) }), roisPerImage.median <= 1,
      set.kind != .images
    {
      found.append(
        DataFinding(
          .fewRoIs, count: set.images.count { $0.rows.count <= 1 },
          "half of the images or more have a single RoI", example: "image \(fewest.id)",
          remedy: "are all proposals exported? Without background RoIs a classifier learns no background",
          file: set.path))
    }
    guard let dataset else {
      findings = found
      return
    }
    do {
      if let labels = try Self.labels(of: set, dataset) {
        let source = try LabelledFeatureSet(set, labels: labels)
        self.source = source
        foreground = source.foregroundCount
        let areStated = set.hasLabels
        let census = try set.census(labels: areStated ? labels : nil, dataset, .all)
        found += source.findings(of: census, dataset, isBlocking: true)
      } else {
        found += try set.findings(against: dataset, sampling: .all)
      }
    } catch let error as FeatureSetError where error.code == .label {
      found.append(DataFinding(.unknownLabels, .error, count: 1, "\(error)"))
      found += try set.findings(against: dataset, sampling: .all)
    }
    recall = set.hasBoxes ? try set.recall(of: dataset, groups: groups) : []
    found += recall.findings(of: set.kind).map { $0.inFile(set.path) }
    findings = found
  }

  /// Labels as training takes them; `nil` where overlap cannot give them, the annotations lacking images or objects.
  private static func labels(of set: FeatureSet, _ dataset: LVISDataset) throws -> RoILabels? {
    if let stated = try set.labels(categoryIDs: dataset.categories.map(\.id)) { return stated }
    guard !dataset.annotations.isEmpty, set.kind != .queries else { return nil }
    let known = dataset.imageIndex()
    guard set.images.allSatisfy({ known.position(of: $0.id) != nil }) else { return nil }
    return try set.labels(assignedFrom: dataset)
  }
}

extension DataFinding.Code {
  /// Labels that are no category's id.
  public static let unknownLabels = Self(rawValue: "unknown-labels")
  /// Images with a single RoI.
  public static let fewRoIs = Self(rawValue: "few-rois")
}
