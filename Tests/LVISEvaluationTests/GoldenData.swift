import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// The edge set: inputs and the reference implementations' answers.
enum GoldenData {
  private static func object(_ name: String) throws -> Any {
    try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: goldenPath("evaluation/\(name).json"))))
  }

  static func groundTruth() throws -> LVISDataset {
    let root = try #require(try object("edge_gt") as? [String: Any])
    func list(_ key: String) throws -> [[String: Any]] { try #require(root[key] as? [[String: Any]]) }
    func int(_ value: Any?) -> Int { (value as? NSNumber)?.intValue ?? 0 }
    func box(_ value: Any?) -> BoundingBox {
      let v = (value as? [NSNumber])?.map(\.doubleValue) ?? [0, 0, 0, 0]
      return BoundingBox(x: v[0], y: v[1], width: v[2], height: v[3])
    }
    return LVISDataset(
      images: try list("images").map {
        LVISImage(
          id: int($0["id"]), width: int($0["width"]), height: int($0["height"]),
          negativeCategoryIDs: ($0["neg_category_ids"] as? [NSNumber])?.map(\.intValue),
          notExhaustiveCategoryIDs: ($0["not_exhaustive_category_ids"] as? [NSNumber])?.map(\.intValue))
      },
      categories: try list("categories").map {
        LVISCategory(
          id: int($0["id"]), name: $0["name"] as? String ?? "",
          frequency: ($0["frequency"] as? String).flatMap(LVISFrequency.init))
      },
      annotations: try list("annotations").map {
        LVISAnnotation(
          id: int($0["id"]), imageID: int($0["image_id"]), categoryID: int($0["category_id"]), box: box($0["bbox"]),
          area: ($0["area"] as? NSNumber)?.doubleValue, isCrowd: int($0["iscrowd"]) != 0,
          isIgnored: int($0["ignore"]) != 0)
      })
  }

  static func detections(_ name: String) throws -> [Detection] {
    try #require(try object(name) as? [[String: Any]]).map {
      let v = ($0["bbox"] as? [NSNumber])?.map(\.doubleValue) ?? [0, 0, 0, 0]
      return Detection(
        imageID: ($0["image_id"] as? NSNumber)?.intValue ?? 0,
        categoryID: ($0["category_id"] as? NSNumber)?.intValue ?? 0,
        box: BoundingBox(x: v[0], y: v[1], width: v[2], height: v[3]),
        score: ($0["score"] as? NSNumber)?.doubleValue ?? 0)
    }
  }

  /// Holds a result against an `expected_…` file: every metric, count and class it states.
  static func expect(
    _ result: EvaluationResult, equals name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let expected = try #require(try object(name) as? [String: Any])
    let metrics = try #require(expected["metrics"] as? [String: Double])
    for (key, value) in metrics.sorted(by: { $0.key < $1.key }) {
      let own = try #require(result[key], "no \(key)", sourceLocation: sourceLocation)
      #expect(abs(own - value) <= 1e-12, "\(key): \(own), not \(value)", sourceLocation: sourceLocation)
    }
    let counts = [
      "n_dets_file": result.counts.detections, "n_dets_after_cap": result.counts.detectionsAfterCap,
      "n_dets_after_federated_filter": result.counts.detectionsThatCount, "n_gt": result.counts.objects,
    ]
    for (key, own) in counts.sorted(by: { $0.key < $1.key }) {
      if let value = expected[key] as? Int { #expect(own == value, "\(key)", sourceLocation: sourceLocation) }
    }
    guard let classes = expected["per_class"] as? [String: [String: Any]] else { return }
    #expect(expected["n_classes_with_gt"] as? Int == result.classes.count { $0["AR"] != -1 })
    for (id, values) in classes {
      let own = try #require(result.classes.first { "\($0.id)" == id }, sourceLocation: sourceLocation)
      #expect(own.name == values["name"] as? String)
      #expect(own.frequency?.rawValue == values["frequency"] as? String)
      for case (let key, let value as Double) in values {
        let measured = try #require(own[key], sourceLocation: sourceLocation)
        #expect(abs(measured - value) <= 1e-12, "class \(id) \(key)", sourceLocation: sourceLocation)
      }
    }
  }
}
