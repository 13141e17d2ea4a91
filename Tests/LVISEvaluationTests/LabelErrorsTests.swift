import Foundation
import LVISDatasets
import LVISEvaluation
import Reporting
import TestSupport
import Testing

@Suite struct LabelErrorsTests {
  private static func square(_ x: Double, _ y: Double = 0) -> BoundingBox {
    BoundingBox(x: x, y: y, width: 10, height: 10)
  }

  /// Image 1: a cat (found), a dog (called a cat), a cat twice. Image 2 is not exhaustive for cats, image 3 was not
  /// searched for birds.
  private static let dataset = LVISDataset(
    images: [
      LVISImage(id: 1, width: 200, height: 100, negativeCategoryIDs: [3], notExhaustiveCategoryIDs: []),
      LVISImage(id: 2, width: 200, height: 100, negativeCategoryIDs: [1], notExhaustiveCategoryIDs: [1]),
      LVISImage(id: 3, width: 200, height: 100, negativeCategoryIDs: [1], notExhaustiveCategoryIDs: []),
    ],
    categories: [
      LVISCategory(id: 1, name: "cat", frequency: .frequent), LVISCategory(id: 2, name: "dog", frequency: .rare),
      LVISCategory(id: 3, name: "bird", frequency: .rare),
    ],
    annotations: [
      LVISAnnotation(id: 11, imageID: 1, categoryID: 1, box: square(0)),
      LVISAnnotation(id: 12, imageID: 1, categoryID: 2, box: square(40)),
      LVISAnnotation(id: 13, imageID: 1, categoryID: 1, box: square(80)),
      LVISAnnotation(id: 14, imageID: 1, categoryID: 1, box: square(80.1)),
      LVISAnnotation(id: 15, imageID: 1, categoryID: 2, box: square(80, 0.2)),
    ])

  private static func detection(_ image: Int, _ category: Int, _ box: BoundingBox, _ score: Double) -> Detection {
    Detection(imageID: image, categoryID: category, box: box, score: score)
  }

  private static let detections = [
    detection(1, 1, square(0), 0.9), detection(1, 1, square(41), 0.8), detection(1, 3, square(39), 0.95),
    // Where nothing is annotated: twice on one spot, and once unsure.
    detection(1, 3, square(120, 50), 0.7), detection(1, 1, square(121, 50), 0.6),
    detection(1, 3, square(160, 50), 0.3),
    detection(2, 1, square(0), 0.9), detection(3, 3, square(0), 0.9), detection(3, 1, square(0), 0.65),
    // Explains the dog beside the cats? It is a cat, which is annotated there.
    detection(1, 1, square(80), 0.85), detection(1, 99, square(150), 0.9),
  ]

  private func errors() throws -> LabelErrors {
    let evaluator = try LVISEvaluator(groundTruth: Self.dataset)
    return try evaluator.labelErrors(in: try evaluator.prepare(DetectionColumns(Self.detections)))
  }

  @Test func everyKindIsFound() throws {
    let errors = try errors()
    let lines = errors.findings.map { "\($0.kind) \($0.imageID) \($0.annotationID ?? -1) \($0.remark)" }
    #expect(
      lines.prefix(3) == [
        "missing 1 -1 bird is missing", "missing 3 -1 cat is missing", "contradicted 1 12 dog is perhaps bird",
      ], "\(lines)")
    #expect(
      Set(lines.dropFirst(3)) == [
        "duplicate 1 13 cat twice", "duplicate 1 13 cat is also called dog", "duplicate 1 14 cat is also called dog",
      ] && lines.count == 6, "\(lines)")
    let rare = try #require(errors.rows.first { $0.split == .frequency(.rare) })
    #expect(rare.annotationCount == 2 && rare.counts == [.missing: 1, .contradicted: 1, .duplicate: 0])
    let frequent = try #require(errors.rows.first { $0.split == .frequency(.frequent) })
    #expect(frequent.counts == [.missing: 1, .contradicted: 0, .duplicate: 3])
    #expect(errors.findings.first?.score == 0.7 && errors.findings.first?.overlap == 0)
  }

  @Test func believedScoresAreAChoice() throws {
    let evaluator = try LVISEvaluator(groundTruth: Self.dataset)
    let prepared = try evaluator.prepare(DetectionColumns(Self.detections))
    #expect(try evaluator.labelErrors(in: prepared, confidence: 0.96).findings.allSatisfy { $0.kind == .duplicate })
    #expect(try evaluator.labelErrors(in: prepared, confidence: 0.3).findings.count { $0.kind == .missing } == 3)
    let masks = try LVISEvaluator(
      groundTruth: try GoldenData.groundTruth(masks: true), options: EvaluationOptions(iouType: .segm))
    let scoring = try masks.prepare(try GoldenData.detections("edge_dt_segm"))
    #expect { try masks.labelErrors(in: scoring) } throws: { ($0 as? EvaluationError)?.code == .notPrepared }
    let analysis = try masks.prepare(try GoldenData.detections("edge_dt_segm"), for: .analysis)
    #expect(try !masks.labelErrors(in: analysis).findings.isEmpty)
  }

  @Test func listsAreThoseOfTheTools() throws {
    var errors = try errors()
    errors.findings = errors.findings.filter { $0.kind == .contradicted || $0.imageID == 3 }
    let names = [1: "a/one.jpg", 3: "a/three.tar.png"]
    #expect(
      errors.csv(imageNames: names) == """
        kind,classes,image_id,image,annotation_id,category_id,category,x,y,width,height,suggested_id,suggested,\
        other_annotation_id,score,iou
        missing,f,3,a/three.tar.png,,1,cat,0.0,0.0,10.0,10.0,1,cat,,0.65,0.0
        contradicted,r,1,a/one.jpg,12,2,dog,40.0,0.0,10.0,10.0,3,bird,,0.95,\(90.0 / 110)

        """)
    let tasks = try #require(
      try JSONSerialization.jsonObject(with: Data(try errors.labelStudioTasks(imageNames: names).utf8))
        as? [[String: Any]])
    #expect((tasks[1]["data"] as? [String: Any])?["image"] as? String == "a/one.jpg")
    let prediction = try #require((tasks[1]["predictions"] as? [[String: Any]])?.first)
    let region = try #require((prediction["result"] as? [[String: Any]])?.first)
    #expect(region["type"] as? String == "rectanglelabels" && region["from_name"] as? String == "label")
    #expect(region["original_width"] as? Int == 200 && region["to_name"] as? String == "image")
    let value = try #require(region["value"] as? [String: Any])
    #expect(value["x"] as? Double == 20 && value["width"] as? Double == 5 && value["height"] as? Double == 10)
    #expect(value["rectanglelabels"] as? [String] == ["bird"])
    let labels = try #require(
      try jsonObject(try errors.fiftyOneLabels(imageNames: names))["labels"] as? [String: [[String: Any]]])
    #expect(Set(labels.keys) == ["one", "three.tar"])
    #expect(labels["one"]?.first?["bounding_box"] as? [Double] == [0.2, 0, 0.05, 0.1])
    #expect((labels["one"]?.first?["attributes"] as? [String: Any])?["annotated"] as? String == "dog")
  }

  /// label-studio-sdk 2.1.2 (`LabelInterface.validate_prediction`) refuses a region one of whose numbers is not within
  /// 0...100, or that lacks one of these fields.
  @Test func regionsOfLabelStudioLieWithinTheImage() throws {
    let dataset = LVISDataset(
      images: [
        LVISImage(id: 1, width: 200, height: 100, negativeCategoryIDs: [3], notExhaustiveCategoryIDs: []),
        LVISImage(id: 2, width: 0, height: 0, negativeCategoryIDs: [3], notExhaustiveCategoryIDs: []),
      ], categories: Self.dataset.categories,
      annotations: [LVISAnnotation(id: 1, imageID: 1, categoryID: 1, box: Self.square(50, 50))])
    let evaluator = try LVISEvaluator(groundTruth: dataset)
    let errors = try evaluator.labelErrors(
      in: try evaluator.prepare(
        DetectionColumns([
          Self.detection(1, 3, Self.square(195, -4), 0.9), Self.detection(2, 3, Self.square(300), 0.8),
        ])))
    let tasks = try #require(
      try JSONSerialization.jsonObject(with: Data(try errors.labelStudioTasks(imageNames: [:]).utf8))
        as? [[String: Any]])
    let values = tasks.flatMap { $0["predictions"] as? [[String: Any]] ?? [] }
      .flatMap { $0["result"] as? [[String: Any]] ?? [] }.compactMap { $0["value"] as? [String: Any] }
    let sides = values.map { value in ["x", "y", "width", "height"].map { value[$0] as? Double ?? -1 } }
    #expect(sides == [[97.5, 0, 2.5, 6], [0, 0, 100, 100]])
    #expect(values.allSatisfy { $0["rectanglelabels"] as? [String] == ["bird"] && $0["rotation"] as? Double == 0 })
  }
}
