import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

@Suite struct CalibrationTests {
  private struct Expected: Decodable {
    struct Row: Decodable {
      var d_ece: Double?
      var d_mce: Double?
      var la_ece: Double?
      var weights: [Double]
      var precision: [Double?]
      var olrp: Optimal
    }
    struct Optimal: Decodable {
      var error: Double?
      var localization: Double?
      var false_positive: Double?
      var false_negative: Double?
    }
    struct Class: Decodable {
      var la_ece: Double?
      var error: Double
      var localization: Double?
      var false_positive: Double?
      var false_negative: Double
      var threshold: Double?
    }
    var rows: [String: Row]
    var classes: [String: Class]
  }

  private func isClose(_ a: Double?, _ b: Double?) -> Bool {
    switch (a, b) {
    case (nil, nil): true
    case (let a?, let b?): abs(a - b) < 1e-12
    default: false
    }
  }

  /// The code of Kuzucu et al. (fiveai/detection_calibration), on the sets that the metrics are held against as well.
  @Test(arguments: ["edge_bbox", "edge_segm", "coco_bbox"])
  func equalsTheAuthorsCode(name: String) throws {
    let all = try JSONDecoder().decode(
      [String: Expected].self, from: fileBytes(goldenPath("evaluation/expected_calibration.json")))
    let expected = try #require(all[name])
    let isCOCO = name == "coco_bbox"
    let isMask = name == "edge_segm"
    let options = EvaluationOptions(iouType: isMask ? .segm : .bbox, rules: isCOCO ? .coco : .lvis)
    let dataset =
      isCOCO
      ? try LVISDataset(contentsOf: goldenPath("coco/coco_gt.json")) : try GoldenData.groundTruth(masks: isMask)
    let evaluator = try LVISEvaluator(groundTruth: dataset, options: options)
    let detections = try evaluator.prepare(
      resultsAt: goldenPath(isCOCO ? "coco/coco_dt_bbox.json" : "evaluation/edge_dt_\(isMask ? "segm" : "bbox").json"))
    let calibration = try evaluator.calibration(of: detections)
    #expect(calibration.rows.count == expected.rows.count)
    for row in calibration.rows {
      let other = try #require(expected.rows["\(row.split)"])
      #expect(isClose(row.expectedError, other.d_ece), "\(row.split)")
      #expect(isClose(row.maximumError, other.d_mce), "\(row.split)")
      #expect(isClose(row.localizationAwareError, other.la_ece), "\(row.split)")
      #expect(isClose(row.optimal?.error, other.olrp.error), "\(row.split)")
      #expect(isClose(row.optimal?.localization, other.olrp.localization), "\(row.split)")
      #expect(isClose(row.optimal?.falsePositive, other.olrp.false_positive), "\(row.split)")
      #expect(isClose(row.optimal?.falseNegative, other.olrp.false_negative), "\(row.split)")
      let full = zip(other.weights, other.precision).filter { $0.0 > 0 }
      #expect(row.bins.count == full.count)
      for (bin, other) in zip(row.bins, full) {
        #expect(isClose(Double(bin.count) / Double(row.detectionCount), other.0) && isClose(bin.precision, other.1))
      }
    }
    #expect(Set(calibration.classes.map { "\($0.id)" }) == Set(expected.classes.keys))
    for row in calibration.classes {
      let other = try #require(expected.classes["\(row.id)"])
      #expect(isClose(row.localizationAwareError, other.la_ece), "\(row.id)")
      #expect(isClose(row.optimal.error, other.error), "\(row.id)")
      #expect(isClose(row.optimal.localization, other.localization), "\(row.id)")
      #expect(isClose(row.optimal.falsePositive, other.false_positive), "\(row.id)")
      #expect(isClose(row.optimal.falseNegative, other.false_negative), "\(row.id)")
      #expect(isClose(row.optimal.threshold, other.threshold), "\(row.id)")
    }
  }

  @Test func aRowKnowsItsOverconfidenceAndItsThreshold() throws {
    let dataset = LVISDataset(
      images: [LVISImage(id: 1, width: 100, height: 100)],
      categories: [LVISCategory(id: 1, name: "a", frequency: .rare), LVISCategory(id: 2, name: "b", frequency: .rare)],
      annotations: (0..<2).map {
        LVISAnnotation(id: $0 + 1, imageID: 1, categoryID: $0 + 1, box: BoundingBox(x: 0, y: 0, width: 10, height: 10))
      })
    let evaluator = try LVISEvaluator(groundTruth: dataset)
    func calibration(_ detections: [Detection]) throws -> DetectionCalibration {
      try evaluator.calibration(of: try evaluator.prepare(DetectionColumns(detections)))
    }
    func detection(_ category: Int, _ x: Double, _ score: Double) -> Detection {
      Detection(
        imageID: 1, categoryID: category, box: BoundingBox(x: x, y: 0, width: 10, height: 10), score: score)
    }
    let found = try calibration([detection(1, 0, 0.9), detection(1, 50, 0.8), detection(2, 0, 0.4)])
    let rare = try #require(found.rows.first { $0.split == .frequency(.rare) })
    #expect(rare.detectionCount == 3 && abs((rare.meanScore ?? 0) - 0.7) < 1e-12)
    #expect(abs((rare.precision ?? 0) - 2.0 / 3) < 1e-12)
    #expect(rare.bins.map(\.count) == [1, 1, 1] && abs((rare.maximumError ?? 0) - 0.8) < 1e-12)
    // All together are best with the last detection: one wrong beside two right.
    #expect(rare.optimal?.threshold == 0.4 && found.classes.map(\.optimal.threshold) == [0.9, 0.4])
    #expect(found.classes.map(\.optimal.error) == [0, 0])
    let none = try calibration([])
    #expect(none.rows[0].expectedError == nil && none.rows[0].optimal?.error == 1)
    #expect(none.rows[0].optimal?.threshold == nil)
    #expect { try calibration([detection(1, 0, 1.5)]) } throws: { ($0 as? EvaluationError)?.code == .scoreRange }
  }

  @Test func survivesItsDocument() throws {
    let evaluator = try LVISEvaluator(groundTruth: try GoldenData.groundTruth())
    var analyses = EvaluationAnalyses()
    (analyses.calibration, analyses.intervals, analyses.shapes, analyses.replicates) = (true, true, true, 40)
    analyses.slices = [ImageSlice(attribute: "half", value: "first", imageIDs: Set((0..<400_000)))]
    let findings = try evaluator.findings(
      resultsAt: goldenPath("evaluation/edge_dt_bbox.json"), analyses: analyses)
    try withTemporaryFolder { folder in
      try EvaluationDocument(findings).write(to: "\(folder)/e.json")
      let read = try EvaluationDocument(contentsOf: "\(folder)/e.json")
      #expect(read.calibration?.rows == findings.calibration?.rows && read.calibration?.rows.isEmpty == false)
      #expect(read.calibration?.classes == findings.calibration?.classes)
      #expect(read.intervals == findings.intervals && read.shapes?.rows == findings.shapes?.rows)
      #expect(read.slices?.first?.intervals == findings.slices?.first?.intervals)
      #expect(read.slices?.first?["AP"] == findings.slices?.first?["AP"] && read.slices?.first?["AP"] != nil)
    }
  }
}
