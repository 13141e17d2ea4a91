import LVISDatasets

/// How many of the objects RoIs or queries overlap with, from IoU .5 and from .75 on: more than that no classifier on them
/// can find.
///
/// Detectors of two stages choose proposals, or queries, by a class head of their own (the RPN's objectness, the encoder's
/// class head of RT-DETR and two-stage Deformable DETR): a rare object may never become one.
public struct ProposalRecall: Sendable, Codable, Equatable {
  /// `all`, or a group: `G1` and on.
  public let name: String
  /// Objects in images with RoIs, crowds left out.
  public let objects: Int
  /// Objects that a RoI overlaps from IoU .5 on.
  public let found: Int
  /// Objects that a RoI overlaps from IoU .75 on.
  public let foundClosely: Int
  /// 0...1; `nil` where there is no object.
  public var recall: Double? { objects > 0 ? Double(found) / Double(objects) : nil }
  /// The recall from IoU .75 on; `nil` where there is no object.
  public var closeRecall: Double? { objects > 0 ? Double(foundClosely) / Double(objects) : nil }

  /// Makes a recall of counts.
  public init(name: String, objects: Int, found: Int, foundClosely: Int) {
    self.name = name
    self.objects = objects
    self.found = found
    self.foundClosely = foundClosely
  }

  private enum CodingKeys: String, CodingKey {
    case name, objects, found, recall
    case foundClosely = "found75"
    case closeRecall = "recall75"
  }

  /// Reads the counts.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(String.self, forKey: .name)
    objects = try values.decode(Int.self, forKey: .objects)
    found = try values.decode(Int.self, forKey: .found)
    foundClosely = try values.decode(Int.self, forKey: .foundClosely)
  }

  /// Writes counts and recall.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(name, forKey: .name)
    try values.encode(objects, forKey: .objects)
    try values.encode(found, forKey: .found)
    try values.encode(recall, forKey: .recall)
    try values.encode(foundClosely, forKey: .foundClosely)
    try values.encode(closeRecall, forKey: .closeRecall)
  }
}

extension DataFinding.Code {
  /// Few objects that RoIs overlap with.
  public static let lowRecall = Self(rawValue: "low-recall")
}

extension FeatureSet {
  /// The recall of the RoIs at IoU .5 and .75, of all objects and of those of each group.
  ///
  /// - Parameters:
  ///   - dataset: The annotations of the same images; of objects, those in images with RoIs count.
  ///   - groups: The groups of the classes; `nil` for all objects together.
  /// - Returns: All objects first, then the groups.
  /// - Throws: `FeatureSetError` if a box is not finite.
  /// - Complexity: O(RoIs × objects) for each image.
  public func recall(of dataset: LVISDataset, groups: CategoryGroups? = nil) throws -> [ProposalRecall] {
    let index = dataset.imageIndex()
    let known = images.filter { index.position(of: $0.id) != nil }
    let objects = ObjectsByImage(dataset, imageIDs: known.map(\.id))
    let groupOfClass = dataset.categories.map { groups?.group(ofCategory: $0.id) }
    var counts = [(objects: Int, found: Int, closely: Int)](
      repeating: (0, 0, 0), count: (groups?.groupCount ?? 0) + 1)
    for (place, image) in known.enumerated() {
      let inImage = objects.objects(ofImage: place)
      guard !inImage.isEmpty else { continue }
      let boxes = try boxes(rows: image.rows)
      for object in inImage where object.classIndex >= 0 {
        let best = (0..<image.rows.count).reduce(0.0) { best, row in
          max(best, object.iou(SIMD4(boxes[4 * row], boxes[4 * row + 1], boxes[4 * row + 2], boxes[4 * row + 3])))
        }
        for cell in [0, groupOfClass[Int(object.classIndex)].map { $0 + 1 }].compactMap(\.self) {
          counts[cell].objects += 1
          if best >= 0.5 { counts[cell].found += 1 }
          if best >= 0.75 { counts[cell].closely += 1 }
        }
      }
    }
    releasePages()
    return counts.enumerated().map { place, count in
      ProposalRecall(
        name: place == 0 ? "all" : "G\(place)", objects: count.objects, found: count.found, foundClosely: count.closely)
    }
  }
}

extension [ProposalRecall] {
  /// Where recall is so low that it limits what training can reach.
  func findings(of kind: FeatureSet.Kind) -> [DataFinding] {
    let examples = kind.plural
    let remedy =
      kind == .queries
      ? "no classifier finds the others: a detector that chooses its queries by the encoder's class head needs that head "
        + "trained too, or more queries"
      : "no classifier finds the others: keep more proposals, and add the ground truth to those of training"
    guard let all = first, let recall = all.recall, all.objects >= 20, all.found > 0 else { return [] }
    func percent(_ part: ProposalRecall) -> String {
      "\(part.found) of \(part.objects) objects of \(part.name)"
    }
    if recall < 0.5 {
      return [
        DataFinding(
          .lowRecall, count: all.objects - all.found,
          "\(examples) overlap only \(all.found) of the \(all.objects) objects in their images from IoU .5 on",
          remedy: remedy)
      ]
    }
    let poor = dropFirst().filter { $0.objects >= 10 && 2 * Double($0.found) < recall * Double($0.objects) }
    guard !poor.isEmpty else { return [] }
    return [
      DataFinding(
        .lowRecall, count: poor.reduce(0) { $0 + $1.objects - $1.found },
        "\(examples) overlap only \(poor.map(percent).joined(separator: ", ")) from IoU .5 on, and "
          + "\(Int((100 * recall).rounded())) % of all",
        remedy: remedy)
    ]
  }
}
