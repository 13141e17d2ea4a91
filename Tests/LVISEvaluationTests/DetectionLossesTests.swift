import LVISDatasets
import LVISEvaluation
import Testing

@Suite struct DetectionLossesTests {
  private func box(_ side: Double) -> BoundingBox { BoundingBox(x: 0, y: 0, width: side, height: side) }

  /// Every way to be lost once; the counts are taken by hand.
  @Test func everyFateIsCounted() throws {
    var options = EvaluationOptions()
    options.maxDetectionsPerImage = 9
    options.areaRanges = [AreaRange("tiny", 0...25), AreaRange("wide", 64...1e10)]
    options.groups = try CategoryGroups(of: [1: 0, 2: 1], groupCount: 2)
    let dataset = LVISDataset(
      images: [LVISImage(id: 7, width: 50, height: 50, negativeCategoryIDs: [2], notExhaustiveCategoryIDs: [3])],
      categories: [
        LVISCategory(id: 1, name: "a", frequency: .rare), LVISCategory(id: 2, name: "b", frequency: .common),
        LVISCategory(id: 3, name: "c", frequency: .frequent), LVISCategory(id: 4, name: "d"),
        LVISCategory(id: 6, name: "e", frequency: .rare),
      ],
      annotations: [(1, 10.0), (3, 10), (4, 10), (6, 3)].enumerated().map { index, object in
        LVISAnnotation(id: index + 1, imageID: 7, categoryID: object.0, box: box(object.1))
      })
    func detection(_ category: Int, _ side: Double, _ score: Double) -> Detection {
      Detection(imageID: 7, categoryID: category, box: box(side), score: score)
    }
    let evaluator = try LVISEvaluator(groundTruth: dataset, options: options)
    let losses = evaluator.losses(
      of: try evaluator.prepare(
        DetectionColumns([
          detection(1, 10, 0.99),  // right; area 100, outside "tiny"
          detection(1, 4, 0.98),  // wrong; area 16, outside "wide"
          detection(2, 6, 0.97),  // wrong: an absent class; area 36, outside both
          detection(3, 2, 0.96),  // ignored: not labelled exhaustively; outside "wide"
          detection(5, 9, 0.95),  // unknown category
          detection(1, 0, 0.94),  // without an area
          detection(4, 2e5, 0.93),  // larger than all areas: ignored; outside "tiny" and "wide"
          detection(1, 5, 0.92),  // wrong; area 25 lies inside "tiny"; outside "wide"
          detection(2, 8, 0.91),  // wrong; area 64 lies inside "wide"; outside "tiny"
          detection(1, 10, 0.1), detection(5, 10, 0.1),  // over the cap
        ])))
    let rows = Dictionary(losses.rows.map { ("\($0.split)", $0) }) { $1 }
    #expect(losses.rows.map { "\($0.split)" } == ["all", "r", "c", "f", "–", "G1", "G2"])
    let all = try #require(rows["all"])
    #expect(all.givenCount == 11 && all.overCapCount == 2 && all.unknownCategoryCount == 1)
    #expect(all.withoutAreaCount == 1 && all.ignoredCount == 2 && all.notSearchedCount == 0)
    #expect(all.truePositiveCount == 1 && all.falsePositiveCount == 4)
    #expect(all.outsideRangeCounts == ["tiny": 4, "wide": 5])
    #expect(all.classCount == 4 && all.neverPredicted == [6])
    let rare = try #require(rows["r"])
    #expect(rare.givenCount == 5 && rare.overCapCount == 1 && rare.withoutAreaCount == 1)
    #expect(rare.truePositiveCount == 1 && rare.falsePositiveCount == 2 && rare.unknownCategoryCount == 0)
    #expect(rare.outsideRangeCounts == ["tiny": 1, "wide": 2] && rare.classCount == 2 && rare.neverPredicted == [6])
    #expect(rows["f"]?.ignoredCount == 1 && rows["–"]?.ignoredCount == 1 && rows["c"]?.falsePositiveCount == 2)
    #expect(rows["G1"]?.givenCount == 5 && rows["G2"]?.falsePositiveCount == 2 && rows["G1"]?.neverPredicted == [])
    #expect(losses.threshold == 0.5)
    #expect(evaluator.evaluate(try evaluator.prepare(DetectionColumns())).neverPredicted.map(\.id) == [1, 3, 4, 6])
  }

  @Test func imagesNotSearchedForAClass() throws {
    let dataset = LVISDataset(
      images: [LVISImage(id: 1, width: 9, height: 9, negativeCategoryIDs: [], notExhaustiveCategoryIDs: [])],
      categories: [LVISCategory(id: 1, name: "a", frequency: .rare)], annotations: [])
    let evaluator = try LVISEvaluator(groundTruth: dataset)
    let losses = evaluator.losses(
      of: try evaluator.prepare(
        DetectionColumns([Detection(imageID: 1, categoryID: 1, box: box(3), score: 1)])))
    let all = try #require(losses.rows.first)
    #expect(all.notSearchedCount == 1 && all.falsePositiveCount == 0 && all.classCount == 0)
  }

  /// Nothing gets lost uncounted, and what counts is what the literal rules say counts.
  @Test func fatesAddUpToWhatWasGiven() throws {
    for seed in 0..<UInt64(600) {
      var data = RandomData(seed: seed)
      let ids = Set(data.dataset.categories.map(\.id))
      // A cap a category takes all unknown ones for one.
      for index in data.results.indices where !ids.contains(data.results[index].detection.categoryID) {
        data.results[index].detection.categoryID = 9_999
      }
      let evaluator = try LVISEvaluator(groundTruth: data.dataset, options: data.options)
      let losses = evaluator.losses(of: try evaluator.prepare(data.columns))
      let literal = LiteralEvaluation(dataset: data.dataset, options: data.options)
      let capped = literal.capped(data.results)
      let filled = try literal.filledIn(capped)
      let objects = literal.survivingObjects()
      for row in losses.rows {
        let sum =
          row.overCapCount + row.unknownCategoryCount + row.notSearchedCount + row.withoutAreaCount + row.ignoredCount
          + row.truePositiveCount + row.falsePositiveCount
        #expect(row.givenCount == sum, "seed \(seed) \(row.split)")
        func isIncluded(_ result: LiteralEvaluation.Result) -> Bool {
          guard case .frequency(let frequency) = row.split else { return true }
          return data.dataset.categories.contains {
            $0.id == result.detection.categoryID && $0.frequency == frequency
          }
        }
        #expect(row.givenCount == data.results.count(where: isIncluded), "seed \(seed)")
        guard data.options.rules == .lvis else { continue }
        #expect(row.overCapCount == row.givenCount - capped.count(where: isIncluded), "seed \(seed)")
        let counted = filled.filter { isIncluded($0) && literal.counts($0, objects) }
        #expect(
          row.ignoredCount + row.truePositiveCount + row.falsePositiveCount == counted.count,
          "seed \(seed) \(row.split)")
        for range in data.options.areaRanges {
          #expect(
            row.outsideRangeCounts[range.name] == counted.count { !range.bounds.contains($0.area) }, "seed \(seed)")
        }
        if row.split == .all {
          let unknown = capped.count { !ids.contains($0.detection.categoryID) }
          #expect(row.unknownCategoryCount == unknown, "seed \(seed)")
        }
      }
    }
  }
}
