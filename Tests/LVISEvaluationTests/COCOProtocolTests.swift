import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// COCO's own twelve metrics, as pycocotools answers them on made-up data with crowds, objects without area, an
/// unknown category and more than a hundred detections of a class in an image.
@Suite struct COCOProtocolTests {
  private struct Expected: Decodable {
    let metrics: [String: Double]
    let perClass: [String: Double]
    enum CodingKeys: String, CodingKey {
      case metrics
      case perClass = "AP_per_class"
    }
  }

  @Test(arguments: ["bboxfile_bbox", "bboxfile_segm", "segmfile_segm", "segmfile_bbox"])
  func equalsPycocotools(name: String) throws {
    let answers = try JSONDecoder().decode(
      [String: Expected].self, from: fileBytes(goldenPath("coco/expected_coco.json")))
    let expected = try #require(answers[name])
    try #require(!expected.metrics.isEmpty && !expected.perClass.isEmpty)
    let dataset = try LVISDataset(contentsOf: goldenPath("coco/coco_gt.json"), including: [.boxes, .segmentations])
    let options = EvaluationOptions(iouType: name.hasSuffix("_segm") ? .segm : .bbox, rules: .coco)
    let result = try LVISEvaluator(groundTruth: dataset, options: options)
      .evaluate(resultsAt: goldenPath("coco/coco_dt_\(name.hasPrefix("bbox") ? "bbox" : "segm").json"))
    #expect(Set(result.metrics.map(\.name)) == Set(expected.metrics.keys))
    for (key, value) in expected.metrics { #expect(abs((result[key] ?? .nan) - value) < 1e-12, "\(key)") }
    for row in result.classes { #expect(abs((row["AP"] ?? .nan) - (expected.perClass["\(row.id)"] ?? .nan)) < 1e-12) }
  }

  /// Real annotations; the detections are their boxes, shifted, with scores that tie.
  @Test(.enabled(if: sharedDataPath("coco_val2014_100.json") != nil))
  func equalsPycocotoolsOnRealAnnotations() throws {
    let dataset = try LVISDataset(contentsOf: try #require(sharedDataPath("coco_val2014_100.json")))
    let detections = dataset.annotations.enumerated().map { index, annotation in
      var box = annotation.box
      box.x += Double(index % 5) * box.width / 16
      return Detection(
        imageID: annotation.imageID, categoryID: annotation.categoryID, box: box, score: 1 / Double(1 + index % 7))
    }
    let result = try LVISEvaluator(groundTruth: dataset, options: .init(rules: .coco)).evaluate(detections)
    let expected = [
      "AP": 0.5377017852174099, "AP50": 0.996039603960396, "AP75": 0.48215578269765724, "APs": 0.5813215698648099,
      "APm": 0.5577731310251144, "APl": 0.5873203904763372, "AR@1": 0.38198759730391973, "AR@10": 0.5987549198273348,
      "AR@100": 0.6100694288860189, "ARs@100": 0.6297223156707776, "ARm@100": 0.6090501965616383,
      "ARl@100": 0.6451937321937321,
    ]
    for (key, value) in expected { #expect(abs((result[key] ?? .nan) - value) < 1e-12, "\(key)") }
  }
}
