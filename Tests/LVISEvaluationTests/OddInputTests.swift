import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// Input at which the reference crashes, or which no detector should write.
@Suite struct OddInputTests {
  private let box = BoundingBox(x: 1, y: 1, width: 10, height: 10)

  private func dataset(
    negative: [Int]? = [], notExhaustive: [Int]? = [], frequency: LVISFrequency? = .rare,
    annotations: [LVISAnnotation]? = nil
  ) -> LVISDataset {
    LVISDataset(
      images: [
        LVISImage(
          id: 1, width: 50, height: 40, negativeCategoryIDs: negative, notExhaustiveCategoryIDs: notExhaustive)
      ], categories: [LVISCategory(id: 1, name: "a", frequency: frequency), LVISCategory(id: 2, name: "b")],
      annotations: annotations ?? [LVISAnnotation(id: 1, imageID: 1, categoryID: 1, box: box)])
  }

  private func detection(image: Int = 1, category: Int = 1, _ box: BoundingBox? = nil, score: Double = 0.5) -> Detection
  {
    Detection(imageID: image, categoryID: category, box: box ?? self.box, score: score)
  }

  @Test func noDetectionsScoreNothing() throws {
    let result = try LVISEvaluator(groundTruth: dataset()).evaluate([Detection]())
    #expect(result["AP"] == 0 && result["APr"] == 0 && result["AR@300"] == 0)
    #expect(result["APc"] == nil && result["APl"] == nil)
    #expect(result.warnings.contains { $0.code == .noDetections })
  }

  @Test func noObjectsMeasureNothing() throws {
    let result = try LVISEvaluator(groundTruth: dataset(annotations: [])).evaluate([detection()])
    #expect(result.metrics.allSatisfy { $0.value == nil })
    let empty = LVISDataset(images: [], categories: [], annotations: [])
    #expect(try LVISEvaluator(groundTruth: empty).evaluate([Detection]()).metrics.allSatisfy { $0.value == nil })
  }

  @Test func missingFieldsFallBackToCOCOAndSaySo() throws {
    let result = try LVISEvaluator(groundTruth: dataset(negative: nil, notExhaustive: nil, frequency: nil))
      .evaluate([detection(), detection(category: 2, score: 0.9)])
    #expect(result.percent("AP") == 100 && result["APr"] == nil)
    #expect(result.counts.detectionsThatCount == 2)
    #expect(
      result.warnings.map(\.code) == [
        .imagesWithoutNegatives, .imagesWithoutExhaustiveness, .categoriesWithoutFrequency,
      ])
    #expect(result.warnings.map(\.count) == [1, 1, 2])
  }

  @Test func frequenciesCanComeFromElsewhere() throws {
    var options = EvaluationOptions()
    options.frequencies = [1: .common]
    let result = try LVISEvaluator(groundTruth: dataset(), options: options).evaluate([detection()])
    #expect(result["APr"] == nil && result.percent("APc") == 100)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func scoresAndBoxesMustBeFinite(value: Double) throws {
    let evaluator = try LVISEvaluator(groundTruth: dataset())
    let fine = detection()
    let score = #expect(throws: EvaluationError.self) { try evaluator.evaluate([fine, detection(score: value)]) }
    #expect(score?.place?.description == "detections[1].score")
    let wide = BoundingBox(x: 0, y: 0, width: value, height: 1)
    let error = #expect(throws: EvaluationError.self) { try evaluator.evaluate([fine, fine, detection(wide)]) }
    #expect(error?.place?.description == "detections[2].bbox")
  }

  @Test func foreignImagesAreRefused() throws {
    let error = #expect(throws: EvaluationError.self) {
      try LVISEvaluator(groundTruth: dataset()).evaluate([detection(), detection(image: 99)])
    }
    #expect(error?.description.contains("detections[1].image_id: 99") == true)
  }

  @Test func negativeZeroIsZero() throws {
    let far = BoundingBox(x: 30, y: 30, width: 5, height: 5)
    let evaluator = try LVISEvaluator(groundTruth: dataset())
    // Tied at 0, the wrong one comes first in both: the order of the file decides, not the sign.
    for (first, second) in [(0.0, -0.0), (-0.0, 0.0)] {
      let result = try evaluator.evaluate([detection(far, score: first), detection(score: second)])
      #expect(result.percent("AP50") == 50)
    }
    let shifted = BoundingBox(x: -0.0, y: -0.0, width: 10, height: 10)
    let object = LVISAnnotation(id: 1, imageID: 1, categoryID: 1, box: BoundingBox(x: 0, y: 0, width: 10, height: 10))
    #expect(
      try LVISEvaluator(groundTruth: dataset(annotations: [object])).evaluate([detection(shifted)]).percent("AP") == 100
    )
  }

  @Test func boxesOfAnySizeAreScored() throws {
    let sizes = [1e-300, 1e-200, 1e-8, 1e150, 1e200, 1.7e308]
    for width in sizes {
      for height in sizes {
        let box = BoundingBox(x: 0, y: 0, width: width, height: height)
        let object = LVISAnnotation(id: 1, imageID: 1, categoryID: 1, box: box, area: 100)
        let result = try LVISEvaluator(groundTruth: dataset(annotations: [object])).evaluate([detection(box)])
        let area = width * height
        // As in the reference: an area of 0 or infinity is dropped, anything else is a match.
        #expect(result.percent("AP") == (area > 0 && area < .infinity ? 100 : 0), "\(width) × \(height)")
      }
    }
    let inverted = BoundingBox(x: 11, y: 11, width: -10, height: -10)
    #expect(try LVISEvaluator(groundTruth: dataset()).evaluate([detection(inverted)])["AP"] == 0)
  }

  @Test func aMillionDetectionsOnOneImage() throws {
    let box = box
    let annotations = (0..<50).map {
      LVISAnnotation(
        id: $0 + 1, imageID: 1, categoryID: 1,
        box: BoundingBox(x: Double($0), y: 1, width: 10, height: 10))
    }
    let detections = (0..<1_000_000).lazy.map { index in
      Detection(
        imageID: 1, categoryID: 1,
        box: BoundingBox(x: Double(index % 97), y: box.y, width: 10, height: 10), score: Double(index % 1000))
    }
    var options = EvaluationOptions()
    options.maxDetectionsPerImage = nil
    let evaluator = try LVISEvaluator(groundTruth: dataset(annotations: annotations), options: options)
    let result = try evaluator.evaluate(detections)
    #expect(result.percent("AR@-1") == 100)
    #expect(result.counts.detectionsThatCount == 1_000_000)
    #expect(
      try LVISEvaluator(groundTruth: dataset(annotations: annotations)).evaluate(detections)
        .counts.detectionsAfterCap == 300)
  }

  @Test func idsMayBeAnyIntegers() throws {
    let ids = [Int.min, -1, 0, Int.max]
    let dataset = LVISDataset(
      images: ids.map { LVISImage(id: $0, width: 9, height: 9, negativeCategoryIDs: ids) },
      categories: ids.map { LVISCategory(id: $0, name: "\($0)", frequency: .frequent) },
      annotations: ids.enumerated().map { LVISAnnotation(id: $0 + 1, imageID: $1, categoryID: $1, box: box) })
    let result = try LVISEvaluator(groundTruth: dataset).evaluate(ids.map { detection(image: $0, category: $0) })
    #expect(result.percent("APf") == 100)
  }

  @Test func masksOfImagesWithoutSizeAreRefused() throws {
    var dataset = LVISDataset(
      images: [LVISImage(id: 1, width: 0, height: 0)], categories: [LVISCategory(id: 1, name: "a")],
      annotations: [LVISAnnotation(id: 1, imageID: 1, categoryID: 1, box: box)])
    let missing = #expect(throws: EvaluationError.self) {
      try LVISEvaluator(groundTruth: dataset, options: .init(iouType: .segm))
    }
    #expect(missing?.place?.description == "annotations[0].segmentation")
    var segmentations = SegmentationColumns()
    segmentations.append(.polygons([[1, 1, 5, 1]]))
    dataset.segmentations = segmentations
    let malformed = #expect(throws: EvaluationError.self) {
      try LVISEvaluator(groundTruth: dataset, options: .init(iouType: .segm))
    }
    #expect(malformed?.place?.description == "annotations[0].segmentation")
    #expect(malformed?.problem.hasPrefix("image 1 has no size; polygons cannot be turned into masks") == true)
  }
}
