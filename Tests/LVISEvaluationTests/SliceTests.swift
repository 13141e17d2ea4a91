import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

@Suite struct SliceTests {
  /// A slice's metrics are those of its images and detections evaluated alone.
  @Test func aSliceIsAnEvaluationOfItsImages() throws {
    var measured = 0
    for seed in 0..<UInt64(60) {
      var data = RandomData(seed: seed)
      data.options.iouType = .bbox
      data.options.maxDetectionsPerCategory = nil
      // Whether crowds are honoured depends on all images.
      for index in data.dataset.annotations.indices { data.dataset.annotations[index].isCrowd = false }
      for index in data.results.indices { data.results[index].hasBox = true }
      let evaluator = try LVISEvaluator(groundTruth: data.dataset, options: data.options)
      let chosen = Set(data.dataset.images.map(\.id).enumerated().filter { $0.offset % 2 == 0 }.map(\.element))
      let slice = ImageSlice(attribute: "a", value: "b", imageIDs: chosen.union([-999]))
      let none = ImageSlice(attribute: "a", value: "c", imageIDs: [-999])
      let prepared = try evaluator.prepare(data.columns)
      let scores = evaluator.scores(of: prepared, on: [slice, none], replicates: seed < 10 ? 30 : 0)
      #expect(scores.count == 1)
      var dataset = data.dataset
      dataset.images.removeAll { !chosen.contains($0.id) }
      // Duplicate ids hide annotations across images: only sets without any are alike in part.
      guard Set(dataset.annotations.map(\.id)).count == dataset.annotations.count else { continue }
      dataset.annotations.removeAll { !chosen.contains($0.imageID) }
      let alone = try LVISEvaluator(groundTruth: dataset, options: data.options).evaluate(
        RandomData.columns(data.results.filter { chosen.contains($0.detection.imageID) }))
      let score = try #require(scores.first)
      #expect(score.metrics == alone.metrics, "seed \(seed)")
      #expect(score.imageCount == chosen.count && (score.intervals != nil) == (seed < 10))
      measured += 1
    }
    #expect(measured > 15)
  }

  @Test func valuesBecomeSlices() throws {
    func slices(_ values: [Int: String]) throws -> [ImageSlice] {
      try ImageSlice.slices(of: ImageAttribute(name: "a", values: values))
    }
    let words = try slices([1: "night", 2: "day", 3: "night"])
    #expect(words.map(\.value) == ["day", "night"] && words[1].imageIDs == [1, 3])
    #expect(try slices([1: "10", 2: "9", 3: "9"]).map(\.value) == ["9", "10"])
    let quarters = try slices(Dictionary(uniqueKeysWithValues: (0..<40).map { ($0, "\($0)") }))
    #expect(quarters.map(\.value) == ["0 to 9", "10 to 19", "20 to 29", "30 to 39"])
    #expect(quarters.allSatisfy { $0.imageIDs.count == 10 })
    #expect { try slices(Dictionary(uniqueKeysWithValues: (0..<51).map { ($0, "x\($0)") })) } throws: {
      ($0 as? EvaluationError)?.description.contains("51 different values") ?? false
    }
  }

  @Test func objectsAreTakenByTheirAspect() throws {
    let shapes = [(40.0, 10.0), (10, 40), (20, 20), (20, 10)]
    let dataset = LVISDataset(
      images: [LVISImage(id: 1, width: 200, height: 200)],
      categories: [LVISCategory(id: 1, name: "a", frequency: .frequent)],
      annotations: shapes.enumerated().map { place, size in
        LVISAnnotation(
          id: place + 1, imageID: 1, categoryID: 1,
          box: BoundingBox(x: Double(50 * place), y: 0, width: size.0, height: size.1))
      })
    let evaluator = try LVISEvaluator(groundTruth: dataset)
    let prepared = try evaluator.prepare(
      DetectionColumns([
        Detection(imageID: 1, categoryID: 1, box: BoundingBox(x: 0, y: 0, width: 40, height: 10), score: 0.5),
        // Wrong, and tall: counts against tall objects alone.
        Detection(imageID: 1, categoryID: 1, box: BoundingBox(x: 0, y: 100, width: 10, height: 40), score: 0.9),
        Detection(imageID: 1, categoryID: 1, box: BoundingBox(x: 50, y: 0, width: 10, height: 40), score: 0.4),
      ]))
    let rows = evaluator.shapes(of: prepared).rows.filter { $0.split == .all }
    #expect(rows.map(\.range) == ["small", "medium", "large", "tall", "compact", "wide"])
    func row(_ range: String) throws -> ShapeBreakdown.Row { try #require(rows.first { $0.range == range }) }
    // 2:1 belongs to both sides of the limit, as an area of 32² does.
    #expect(try row("tall").objectCount == 1 && row("compact").objectCount == 2 && row("wide").objectCount == 2)
    #expect(abs((try row("tall").averagePrecision ?? 0) - 0.5) < 1e-12)
    #expect(try row("compact").averagePrecision == 0 && row("large").averagePrecision == nil)
    // One of two wide objects, without an error before it: precision 1 up to recall .5.
    let wide = try row("wide")
    #expect(abs((wide.averagePrecision ?? 0) - 51.0 / 101) < 1e-12 && wide.recall == 0.5)
  }

  /// More draws with the same seed begin as fewer do, and the interval holds the metric.
  @Test func intervalsHoldTheirMetric() throws {
    let evaluator = try LVISEvaluator(groundTruth: try GoldenData.groundTruth())
    let scored = evaluator.score(try evaluator.prepare(try GoldenData.detections("edge_dt_bbox")))
    let intervals = evaluator.intervals(of: scored, replicates: 200, seed: 3)
    #expect(Set(intervals.metrics.keys) == ["AP", "AP50", "AP75", "APr", "APc", "APf"])
    for (name, bounds) in intervals.metrics {
      let value = try #require(scored.result[name])
      #expect(bounds[0] <= value && value <= bounds[1] && bounds[0] < bounds[1], "\(name)")
      #expect(bounds[0] >= 0 && bounds[1] <= 1)
    }
    #expect(intervals == evaluator.intervals(of: scored, replicates: 200, seed: 3))
    #expect(intervals.metrics != evaluator.intervals(of: scored, replicates: 200, seed: 4).metrics)
  }
}
