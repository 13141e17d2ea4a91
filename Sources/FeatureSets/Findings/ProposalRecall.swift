import LVISDatasets

/// How many of the objects RoIs overlap with, from IoU .5 on: more than that no classifier on them can find.
public struct ProposalRecall: Sendable, Codable, Equatable {
  /// `all`, or a group: `G1` and on.
  public let name: String
  /// Objects in images with RoIs, crowds left out.
  public let objects: Int
  /// Objects that a RoI overlaps.
  public let found: Int
  /// 0...1; `nil` where there is no object.
  public var recall: Double? { objects > 0 ? Double(found) / Double(objects) : nil }

  /// Makes a recall of counts.
  public init(name: String, objects: Int, found: Int) {
    self.name = name
    self.objects = objects
    self.found = found
  }

  private enum CodingKeys: String, CodingKey { case name, objects, found, recall }

  /// Reads the counts.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(String.self, forKey: .name)
    objects = try values.decode(Int.self, forKey: .objects)
    found = try values.decode(Int.self, forKey: .found)
  }

  /// Writes counts and recall.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(name, forKey: .name)
    try values.encode(objects, forKey: .objects)
    try values.encode(found, forKey: .found)
    try values.encode(recall, forKey: .recall)
  }
}

extension DataFinding.Code {
  /// Few objects that RoIs overlap with.
  public static let lowRecall = Self(rawValue: "low-recall")
}

extension FeatureSet {
  /// The recall of the RoIs at IoU .5, of all objects and of those of each group.
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
    var counts = [(objects: Int, found: Int)](repeating: (0, 0), count: (groups?.groupCount ?? 0) + 1)
    for (place, image) in known.enumerated() {
      let inImage = objects.objects(ofImage: place)
      guard !inImage.isEmpty else { continue }
      let boxes = try boxes(rows: image.rows)
      for object in inImage where object.classIndex >= 0 {
        let isFound = (0..<image.rows.count).contains { row in
          object.iou(SIMD4(boxes[4 * row], boxes[4 * row + 1], boxes[4 * row + 2], boxes[4 * row + 3])) >= 0.5
        }
        for cell in [0, groupOfClass[Int(object.classIndex)].map { $0 + 1 }].compactMap(\.self) {
          counts[cell].objects += 1
          if isFound { counts[cell].found += 1 }
        }
      }
    }
    releasePages()
    return counts.enumerated().map { place, count in
      ProposalRecall(name: place == 0 ? "all" : "G\(place)", objects: count.objects, found: count.found)
    }
  }
}

extension [ProposalRecall] {
  /// Where recall is so low that it limits what training can reach.
  var findings: [DataFinding] {
    guard let all = first, let recall = all.recall, all.objects >= 20, all.found > 0 else { return [] }
    func percent(_ part: ProposalRecall) -> String {
      "\(part.found) of \(part.objects) objects of \(part.name)"
    }
    if recall < 0.5 {
      return [
        DataFinding(
          .lowRecall, count: all.objects - all.found,
          "RoIs overlap only \(all.found) of the \(all.objects) objects in their images from IoU .5 on",
          remedy: "no classifier finds the others: keep more proposals, and add the ground truth to those of training")
      ]
    }
    let poor = dropFirst().filter { $0.objects >= 10 && 2 * Double($0.found) < recall * Double($0.objects) }
    guard !poor.isEmpty else { return [] }
    return [
      DataFinding(
        .lowRecall, count: poor.reduce(0) { $0 + $1.objects - $1.found },
        "RoIs overlap only \(poor.map(percent).joined(separator: ", ")) from IoU .5 on, and "
          + "\(Int((100 * recall).rounded())) % of all",
        remedy: "no classifier finds the others: keep more proposals, and add the ground truth to those of training")
    ]
  }
}
