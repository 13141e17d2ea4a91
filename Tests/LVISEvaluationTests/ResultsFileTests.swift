import DurableFiles
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// Results files that are not as they should be: the error names file, element and field.
@Suite struct ResultsFileTests {
  private func error(_ json: String, iouType: EvaluationOptions.IoUType = .bbox) throws -> String {
    try withTemporaryFolder { folder in
      let path = "\(folder)/results.json"
      try DurableFile.write(json, to: path)
      let evaluator = try LVISEvaluator(
        groundTruth: GoldenData.groundTruth(masks: iouType != .bbox), options: .init(iouType: iouType))
      do {
        _ = try evaluator.evaluate(resultsAt: path)
        return ""
      } catch {
        #expect("\(error)".hasPrefix("\(path): "), "\(error)")
        return String("\(error)".dropFirst(path.count + 2))
      }
    }
  }

  private let good = #"{"image_id": 600, "category_id": 8, "bbox": [1, 2, 3, 4], "score": 0.5}"#
  private func masked(_ segmentation: String) -> String {
    #"{"image_id": 600, "category_id": 8, "score": 0.5, "segmentation": \#(segmentation)}"#
  }

  @Test func faultsAreNamed() throws {
    #expect(try error("[\(good)]") == "")
    #expect(try error("[]") == "")
    let foreign = good.replacing("600", with: "601")
    #expect(try error("[\(good), \(foreign)]").hasPrefix("results[1].image_id: 601 is not the id"))
    let bare = #"{"image_id": 600, "category_id": 8}"#
    #expect(try error("[\(good), \(bare)]").hasPrefix("results[1].score: is missing"))
    #expect(try error("[\(good), \(masked("[]"))]").hasPrefix("results[1].bbox: is missing, but the first"))
    #expect(try error("[\(good), \(good)").contains("cut short"))
    #expect(try error("[\(good.replacing("0.5", with: "NaN"))]").contains("results[0].score"))
    #expect(try error("[\(good.replacing("0.5", with: "1e999"))]").contains("results[0].score"))
    #expect(try error("{}").contains("list of detections"))
  }

  @Test func malformedMasksAreNamedWhereverTheyAre() throws {
    let fine = masked(#"{"size": [2, 2], "counts": [1, 3]}"#)
    #expect(try error("[\(fine)]", iouType: .segm) == "")
    let faults = [
      (#"{"size": [2, 2], "counts": [1, 2]}"#, "cover 3 pixels"),
      (#"{"size": [2, 2], "counts": "04P"}"#, "middle of a"),
      ("[[1, 2, 3, 4]]", "three corners"), ("[[1, 2, 3, 4, 5, 6, 7]]", "an even number"), ("[]", "no polygon"),
    ]
    for (segmentation, problem) in faults {
      let text = try error("[\(fine), \(fine), \(masked(segmentation))]", iouType: .segm)
      #expect(text.hasPrefix("results[2].segmentation") && text.contains(problem), "\(text)")
      // Of a category that the ground truth does not know: dropped, but still malformed.
      let unknown = masked(segmentation).replacing("\"category_id\": 8", with: "\"category_id\": 123456")
      #expect(try error("[\(unknown)]", iouType: .segm).hasPrefix("results[0].segmentation"))
    }
  }

  @Test func resultsOfBothKindsFollowTheFirstAfterTheCap() throws {
    // The first record has a box, the best of its image has none: areas are the masks'.
    let dataset = LVISDataset(
      images: [LVISImage(id: 600, width: 20, height: 20, negativeCategoryIDs: [])],
      categories: [LVISCategory(id: 8, name: "a")],
      annotations: [
        LVISAnnotation(
          id: 1, imageID: 600, categoryID: 8, box: BoundingBox(x: 0, y: 0, width: 10, height: 10), area: 100)
      ])
    var columns = DetectionColumns()
    var segmentations = SegmentationColumns()
    for (score, hasBox) in [(0.1, true), (0.9, false)] {
      columns.append(
        Detection(
          imageID: 600, categoryID: 8,
          box: hasBox ? BoundingBox(x: 0, y: 0, width: 10, height: 10) : BoundingBox(x: 0, y: 0, width: 0, height: 0),
          score: score))
      columns.presences[columns.count - 1] = hasBox ? [.box, .segmentation] : .segmentation
      segmentations.append(.polygons([[0, 0, 0, 10, 10, 10, 10, 0]]))
    }
    columns.segmentations = segmentations
    var options = EvaluationOptions()
    options.maxDetectionsPerImage = 1
    let evaluator = try LVISEvaluator(groundTruth: dataset, options: options)
    #expect(throws: EvaluationError.self) { try evaluator.evaluate(columns) }
    columns.presences = [.segmentation, .segmentation]
    #expect(try evaluator.evaluate(columns).percent("AP") == 100)
  }
}
