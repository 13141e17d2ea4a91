import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// The edge set: inputs and the reference implementations' answers.
enum GoldenData {
  static func groundTruth(masks: Bool = false) throws -> LVISDataset {
    try LVISDataset(
      contentsOf: goldenPath("evaluation/edge_gt.json"), including: masks ? [.boxes, .segmentations] : .boxes)
  }

  static func detections(_ name: String) throws -> DetectionColumns {
    try DetectionColumns(contentsOfResults: goldenPath("evaluation/\(name).json"), including: .segmentations)
  }

  /// Holds a result against an `expected_…` file: every metric, count and class it states.
  static func expect(
    _ result: EvaluationResult, equals name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let expected = try jsonObject(at: goldenPath("evaluation/\(name).json"))
    let metrics = try #require(expected["metrics"] as? [String: Double])
    #expect(metrics.count == 13 && result.metrics.count == 13, sourceLocation: sourceLocation)
    for (key, value) in metrics.sorted(by: { $0.key < $1.key }) {
      let metric = try #require(
        result.metrics.first { $0.name == key }, "no \(key)", sourceLocation: sourceLocation)
      let own = metric.value ?? -1
      #expect(abs(own - value) <= 1e-12, "\(key): \(own), not \(value)", sourceLocation: sourceLocation)
    }
    let counts = [
      "n_dets_file": result.counts.detections, "n_dets_after_cap": result.counts.detectionsAfterCap,
      "n_dets_after_federated_filter": result.counts.detectionsThatCount, "n_gt": result.counts.objects,
    ]
    for (key, own) in counts.sorted(by: { $0.key < $1.key }) {
      guard let value = expected[key] as? Int, key != "n_dets_file" || !name.contains("fixedap") else { continue }
      #expect(own == value, "\(key)", sourceLocation: sourceLocation)
    }
    guard let classes = expected["per_class"] as? [String: [String: Any]] else { return }
    try #require(!classes.isEmpty, sourceLocation: sourceLocation)
    #expect(expected["n_classes_with_gt"] as? Int == result.classes.count { $0["AR"] != nil })
    for (id, values) in classes {
      let own = try #require(result.classes.first { "\($0.id)" == id }, sourceLocation: sourceLocation)
      #expect(own.name == values["name"] as? String)
      #expect(own.frequency?.rawValue == values["frequency"] as? String)
      for case (let key, let value as Double) in values {
        let measured = try #require(own.metrics.first { $0.name == key }, sourceLocation: sourceLocation)
        #expect(abs((measured.value ?? -1) - value) <= 1e-12, "class \(id) \(key)", sourceLocation: sourceLocation)
      }
    }
  }
}

extension EvaluationResult {
  /// A metric in percent, to twelve digits: the reference's precision of 1 is 1 − 2⁻⁵² and the like.
  func percent(_ name: String) -> Double? { self[name].map { ($0 * 1e14).rounded() / 1e12 } }
}
