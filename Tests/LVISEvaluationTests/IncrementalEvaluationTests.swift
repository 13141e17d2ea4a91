import Dispatch
import LVISDatasets
import LVISEvaluation
import Testing

@Suite struct IncrementalEvaluationTests {
  private func byImage(_ columns: DetectionColumns) -> [Int: DetectionColumns] {
    var parts: [Int: DetectionColumns] = [:]
    for index in 0..<columns.count {
      let id = columns.imageIDs[index]
      if parts[id] == nil {
        parts[id] = DetectionColumns()
        parts[id]?.segmentations = SegmentationColumns()
      }
      parts[id]?.append(columns[index])
      let last = (parts[id]?.count ?? 1) - 1
      parts[id]?.presences[last] = columns.presences[index]
      var segmentations = SegmentationColumns()
      for part in 0..<last { segmentations.append(parts[id]?.segmentations?[part]) }
      segmentations.append(columns.segmentations?[index])
      parts[id]?.segmentations = segmentations
    }
    return parts
  }

  @Test(arguments: [EvaluationOptions.IoUType.bbox, .segm])
  func imagesAddedFromManyThreadsGiveTheSameResult(iouType: EvaluationOptions.IoUType) throws {
    let dataset = try GoldenData.groundTruth(masks: true)
    let columns = try GoldenData.detections("edge_dt_both")
    let evaluator = try LVISEvaluator(groundTruth: dataset, options: .init(iouType: iouType))
    let whole = try evaluator.evaluate(columns)
    let parts = byImage(columns)
    let ids = parts.keys.sorted().reversed() as [Int]
    let evaluation = try IncrementalEvaluation(evaluator)
    DispatchQueue.concurrentPerform(iterations: ids.count) { index in
      do {
        try evaluation.add(try #require(parts[ids[index]]), toImage: ids[index])
      } catch {
        Issue.record(error)
      }
    }
    #expect(evaluation.imageCount == ids.count)
    let result = evaluation.result(over: .all)
    #expect(result.metrics == whole.metrics)
    #expect(result.counts == whole.counts)
    for row in whole.classes {
      #expect(evaluation.result(ofCategory: row.id, over: .all)?.metrics == row.metrics)
      #expect(try evaluator.evaluate(category: row.id, in: columns)?.metrics == row.metrics)
    }
    #expect(evaluation.result(ofCategory: 123_456) == nil)
  }

  @Test func objectsOfImagesToComeAreNotMissedYet() throws {
    let box = BoundingBox(x: 0, y: 0, width: 9, height: 9)
    let dataset = LVISDataset(
      images: [1, 2].map { LVISImage(id: $0, width: 20, height: 20, negativeCategoryIDs: []) },
      categories: [LVISCategory(id: 1, name: "a")],
      annotations: [1, 2].map { LVISAnnotation(id: $0, imageID: $0, categoryID: 1, box: box) })
    let evaluation = try IncrementalEvaluation(LVISEvaluator(groundTruth: dataset))
    #expect(evaluation.result()["AR@300"] == nil)
    try evaluation.add([Detection(imageID: 0, categoryID: 1, box: box, score: 1)], toImage: 2)
    #expect(evaluation.result()["AR@300"] == 1)
    #expect(evaluation.result(over: .all)["AR@300"] == 0.5)
    #expect(evaluation.result(ofCategory: 1)?["AR"] == 1)
  }

  @Test func refusesImagesTwiceAndUnknownOnes() throws {
    let evaluator = try LVISEvaluator(groundTruth: try GoldenData.groundTruth())
    let evaluation = try IncrementalEvaluation(evaluator)
    try evaluation.add([Detection](), toImage: 600)
    #expect(throws: EvaluationError.self) { try evaluation.add([Detection](), toImage: 600) }
    #expect(throws: EvaluationError.self) { try evaluation.add([Detection](), toImage: 601) }
    var options = EvaluationOptions()
    options.maxDetectionsPerCategory = 10
    let fixed = try LVISEvaluator(groundTruth: try GoldenData.groundTruth(), options: options)
    #expect(throws: EvaluationError.self) { try IncrementalEvaluation(fixed) }
  }
}
