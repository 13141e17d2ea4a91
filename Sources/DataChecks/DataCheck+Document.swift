import DetectionHeads
import DurableFiles
import FeatureSets
import LVISDatasets

/// What annotations hold.
public struct AnnotationSummary: Sendable, Encodable {
  /// The path of the file that was checked.
  public let path: String
  /// The number of images that it lists.
  public let images: Int
  /// The number of categories that it lists.
  public let categories: Int
  /// Its annotations, crowds included.
  public let annotations: Int
  /// The groups of its classes; empty where they cannot be counted.
  public let groups: [GroupSummary]

  init(_ dataset: LVISDataset, groups: CategoryGroups?) {
    path = dataset.path ?? ""
    images = dataset.images.count
    categories = dataset.categories.count
    annotations = dataset.annotations.count
    self.groups = groups?.summaries ?? []
  }
}

/// What a set of feature maps holds.
public struct MapSetSummary: Sendable, Encodable {
  /// The path of the set that was checked.
  public let path: String
  /// The number of images.
  public let images: Int
  /// The number M of locations of all images.
  public let locations: Int
  /// The number C of channels.
  public let channels: Int
  /// The number L of levels.
  public let levels: Int
  /// The number A of anchors of a location.
  public let anchorsPerLocation: Int

  init(_ maps: FeatureMapSet, anchors: AnchorSettings) {
    path = maps.path
    images = maps.images.count
    locations = maps.locationCount
    channels = maps.channelCount
    levels = maps.levelCount
    anchorsPerLocation = anchors.anchorsPerLocation
  }
}

/// What results came to.
public struct ResultsSummary: Sendable, Encodable {
  /// The path of the file that was checked.
  public let path: String
  /// How many detections it has.
  public let detections: Int
  /// Its metrics by LVIS's rules, those that can be measured; 0...1.
  public let metrics: [String: Double]
}

/// What a head is.
public struct HeadSummary: Sendable, Encodable {
  /// The path of the file that was checked.
  public let path: String
  /// The method that trained it.
  public let method: String
  /// What its logits speak of.
  public let layout: String
  /// The number C of classes that the head scores.
  public let classes: Int
  /// The number D of features that the head takes of each RoI.
  public let inputs: Int

  init(_ head: LinearHead, path: String) {
    self.path = path
    method = head.method
    layout = head.layout.name
    classes = head.groups.classCount
    inputs = head.inputs
  }
}

extension DataCheck: Encodable {
  private enum CodingKeys: String, CodingKey {
    case errors, warnings, notes, findings, annotations, features, maps, results, head
  }

  /// Writes counts, findings and summaries; what was not looked at is left out.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(count(of: .error), forKey: .errors)
    try values.encode(count(of: .warning), forKey: .warnings)
    try values.encode(count(of: .note), forKey: .notes)
    try values.encode(findings, forKey: .findings)
    try values.encodeIfPresent(annotations, forKey: .annotations)
    try values.encodeIfPresent(features, forKey: .features)
    try values.encodeIfPresent(maps, forKey: .maps)
    try values.encodeIfPresent(results, forKey: .results)
    try values.encodeIfPresent(head, forKey: .head)
  }
}
