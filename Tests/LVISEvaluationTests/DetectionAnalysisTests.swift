import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

@Suite struct DetectionAnalysisTests {
  /// TIDE's own code (tidecv 1.0.1) on made-up boxes without ties, federated labels as ignore regions.
  @Test func errorsEqualThoseOfTIDE() throws {
    struct Expected: Decodable {
      var AP50: Double
      var gain: [String: Double]
      var count: [String: Int]
      var countOfThoseNotIgnored: [String: Int]
      enum CodingKeys: String, CodingKey {
        case AP50, gain, count
        case countOfThoseNotIgnored = "count_not_ignored"
      }
    }
    let expected = try JSONDecoder().decode(
      Expected.self, from: fileBytes(goldenPath("evaluation/expected_tide.json")))
    let evaluator = try LVISEvaluator(groundTruth: try LVISDataset(contentsOf: goldenPath("evaluation/tide_gt.json")))
    let detections = try evaluator.prepare(resultsAt: goldenPath("evaluation/tide_dt.json"))
    let row = try #require(try evaluator.analyze(detections).errors.rows.first)
    #expect(row.split == .all)
    #expect(abs((row.averagePrecision ?? .nan) - expected.AP50) < 1e-12)
    #expect(abs((row.averagePrecision ?? .nan) - (evaluator.evaluate(detections)["AP50"] ?? .nan)) < 1e-12)
    for kind in ErrorBreakdown.Kind.allCases {
      let entry = row[kind]
      #expect(abs((entry.gain ?? .nan) - (expected.gain[kind.rawValue] ?? .nan)) < 1e-12, "\(kind)")
      #expect(entry.count == expected.countOfThoseNotIgnored[kind.rawValue], "\(kind)")
      #expect(entry.count + entry.ignoredCount == expected.count[kind.rawValue], "\(kind)")
    }
  }

  @Test func equalsTheLiteralProcedure() throws {
    for seed in 0..<UInt64(800) {
      let data = RandomData(seed: seed, isTied: seed % 4 != 3)
      var options = data.options
      let groups = try CategoryGroups(
        of: Dictionary(data.dataset.categories.enumerated().map { ($1.id, $0 % 3) }) { $1 }, groupCount: 2)
      if seed % 2 == 0 { options.groups = groups }
      let evaluator = try LVISEvaluator(groundTruth: data.dataset, options: options)
      let analysis = try evaluator.analyze(try evaluator.prepare(data.columns, for: .analysis))
      let literal = try LiteralAnalysis(LiteralEvaluation(dataset: data.dataset, options: options), data.results)
      compareErrors(analysis.errors, literal, options, "seed \(seed) \(options.iouType) \(options.rules)")
      compareConfusion(analysis.confusion, literal, options, "seed \(seed)")
    }
  }

  private func classes(of split: ClassSplit, _ dataset: LVISDataset, _ options: EvaluationOptions) -> Set<Int> {
    Set(
      dataset.categories.filter { category in
        switch split {
        case .all: true
        case .frequency(let frequency): category.frequency == frequency
        case .group(let group): options.groups?.group(ofCategory: category.id) == group
        }
      }.map(\.id))
  }

  private func compareErrors(
    _ errors: ErrorBreakdown, _ literal: LiteralAnalysis, _ options: EvaluationOptions, _ comment: Comment
  ) {
    let dataset = literal.literal.dataset
    let present = literal.averagePrecisions(mending: nil)
    for row in errors.rows {
      let classes = classes(of: row.split, dataset, options)
      let own = literal.mean(present, over: classes)
      #expect(abs((row.averagePrecision ?? -1) - own) < 1e-12, comment)
      #expect(
        row.objectCount
          == literal.objects.indices.count {
            classes.contains(literal.objects[$0].annotation.categoryID) && !literal.isIgnored($0)
          }, comment)
      #expect(
        row.foundCount
          == literal.predictions.count { $0.used == true && classes.contains($0.result.detection.categoryID) }, comment)
      for kind in ErrorBreakdown.Kind.allCases {
        let failures = literal.failures.filter { $0.kind == kind && classes.contains(literal.category(of: $0)) }
        let ignored = failures.count { failure in
          failure.prediction.map { literal.predictions[$0].used == nil } ?? false
        }
        #expect(row[kind].count == failures.count - ignored, "\(comment) \(kind) \(row.split)")
        #expect(row[kind].ignoredCount == ignored, "\(comment) \(kind) \(row.split)")
        let gain = own < 0 ? -1 : max(0, literal.mean(literal.averagePrecisions(mending: kind), over: classes) - own)
        #expect(abs((row[kind].gain ?? -1) - gain) < 1e-12, "\(comment) \(kind) \(row.split)")
      }
    }
  }

  private func compareConfusion(
    _ confusion: ConfusionTable, _ literal: LiteralAnalysis, _ options: EvaluationOptions, _ comment: Comment
  ) {
    let dataset = literal.literal.dataset
    func split(_ id: Int) -> ClassSplit {
      if let groups = options.groups { return groups.group(ofCategory: id).map { .group($0) } ?? .frequency(nil) }
      return .frequency(dataset.categories.first { $0.id == id }?.frequency)
    }
    var pairs: [[Int]: Int] = [:]
    for row in confusion.rows {
      let own = literal.objects.indices.filter {
        !literal.isIgnored($0) && split(literal.objects[$0].annotation.categoryID) == row.split
      }
      let called = own.map { (literal.objects[$0].annotation.categoryID, literal.calledAs[$0]) }
      for case (let id, let other?) in called where id != other { pairs[[id, other], default: 0] += 1 }
      #expect(row.objectCount == own.count, comment)
      #expect(row.correctCount == called.count { $0.0 == $0.1 }, comment)
      #expect(row.missedCount == called.count { $0.1 == nil }, comment)
      for column in confusion.rows.map(\.split) {
        let wrong = called.count { id, other in other.map { $0 != id && split($0) == column } ?? false }
        #expect(row.wrongCounts[column] == wrong, comment)
      }
    }
    let own = Dictionary(
      confusion.pairs.map { ([$0.objectCategoryID, $0.calledCategoryID], $0.count) }
    ) { $1 }
    #expect(own == pairs, comment)
    #expect(confusion.pairs.map(\.count) == confusion.pairs.map(\.count).sorted(by: >))
  }

  // MARK: By hand

  private func box(_ x: Double, _ width: Double = 10) -> BoundingBox {
    BoundingBox(x: x, y: 0, width: width, height: 10)
  }

  /// One image with four objects: two rare ones (class 1), one frequent (class 2), one common (class 3) far away.
  private func evaluator(_ options: EvaluationOptions = EvaluationOptions()) throws -> LVISEvaluator {
    let objects: [(Int, Double)] = [(1, 0), (1, 100), (2, 200), (3, 300)]
    return try LVISEvaluator(
      groundTruth: LVISDataset(
        images: [
          LVISImage(id: 1, width: 400, height: 20, negativeCategoryIDs: [4], notExhaustiveCategoryIDs: [])
        ],
        categories: [
          LVISCategory(id: 1, name: "rare", frequency: .rare), LVISCategory(id: 2, name: "often", frequency: .frequent),
          LVISCategory(id: 3, name: "common", frequency: .common),
          LVISCategory(id: 4, name: "no", frequency: .frequent),
          LVISCategory(id: 5, name: "unsearched", frequency: .frequent),
        ],
        annotations: objects.enumerated().map {
          LVISAnnotation(id: $0 + 1, imageID: 1, categoryID: $1.0, box: box($1.1))
        }), options: options)
  }

  /// Every kind of error once; the numbers behind are counted by hand.
  @Test func oneErrorOfEachKind() throws {
    let evaluator = try evaluator()
    let detections = try evaluator.prepare(
      DetectionColumns([
        Detection(imageID: 1, categoryID: 1, box: box(0), score: 0.9),  // right
        Detection(imageID: 1, categoryID: 1, box: box(0), score: 0.8),  // duplicate
        Detection(imageID: 1, categoryID: 2, box: box(100), score: 0.7),  // on the second rare object: classification
        Detection(imageID: 1, categoryID: 2, box: box(205), score: 0.6),  // IoU 1/3: localization
        Detection(imageID: 1, categoryID: 4, box: box(305), score: 0.5),  // IoU 1/3 with another class: both
        Detection(imageID: 1, categoryID: 4, box: box(50), score: 0.4),  // background
        Detection(imageID: 1, categoryID: 5, box: box(100), score: 0.95),  // not searched: ignored, classification
      ]))
    let analysis = try evaluator.analyze(detections)
    let all = try #require(analysis.errors.rows.first)
    let counts = ErrorBreakdown.Kind.allCases.map { all[$0].count }
    #expect(counts == [1, 1, 1, 1, 1, 1], "\(counts)")
    #expect(ErrorBreakdown.Kind.allCases.map { all[$0].ignoredCount } == [1, 0, 0, 0, 0, 0])
    #expect(all.objectCount == 4 && all.foundCount == 1)
    // Class 1 has one of two objects at precision 1: 51 of 101 recall points. Classes 2 and 3 have 0.
    let point = 1.0 / 101
    #expect(abs((all.averagePrecision ?? .nan) - 51 * point / 3) < 1e-12)
    // Its second object is gained by the best one on it, of the unsearched class: its AP is then 1.
    #expect(abs((all[.classification].gain ?? .nan) - 50 * point / 3) < 1e-12)
    // Class 2: one wrong detection above it leaves AP 1/2.
    #expect(abs((all[.localization].gain ?? .nan) - 0.5 / 3) < 1e-12)
    // Nothing stands behind the duplicate, and class 4 has no object.
    #expect(all[.duplicate].gain == 0 && all[.both].gain == 0 && all[.background].gain == 0)
    // Class 3 has then neither objects nor detections and leaves the mean.
    #expect(abs((all[.missed].gain ?? .nan) - (51 * point / 2 - 51 * point / 3)) < 1e-12)

    let rows = Dictionary(analysis.confusion.rows.map { ("\($0.split)", $0) }) { $1 }
    let rare = try #require(rows["r"])
    #expect(rare.objectCount == 2 && rare.correctCount == 1 && rare.missedCount == 0)
    #expect(rare.wrongCounts == [.frequency(.rare): 0, .frequency(.common): 0, .frequency(.frequent): 1])
    // Class 2's and class 3's objects have nothing at IoU .5.
    #expect(rows["f"]?.missedCount == 1 && rows["c"]?.missedCount == 1)
    #expect(analysis.confusion.pairs.map { [$0.objectCategoryID, $0.calledCategoryID, $0.count] } == [[1, 5, 1]])
  }

  @Test func groupsReplaceFrequenciesInTheConfusionTable() throws {
    var options = EvaluationOptions()
    options.groups = try CategoryGroups(of: [1: 0, 2: 1, 3: 1], groupCount: 2)
    let evaluator = try evaluator(options)
    let analysis = try evaluator.analyze(
      try evaluator.prepare(DetectionColumns([Detection(imageID: 1, categoryID: 2, box: box(0), score: 1)])))
    #expect(analysis.confusion.rows.map { "\($0.split)" } == ["G1", "G2", "–"])
    #expect(
      analysis.confusion.rows[0].wrongCounts == [.group(0): 0, .group(1): 1, .frequency(nil): 0]
        && analysis.confusion.rows[0].missedCount == 1)
    #expect(analysis.errors.rows.map { "\($0.split)" } == ["all", "r", "c", "f", "G1", "G2"])
  }

  @Test func nothingAndVeryMuchAreAnalysed() throws {
    let evaluator = try evaluator()
    let nothing = try evaluator.analyze(try evaluator.prepare(DetectionColumns()))
    let all = try #require(nothing.errors.rows.first)
    #expect(all[.missed].count == 4 && all.averagePrecision == 0 && all[.missed].gain == 0)
    #expect(nothing.confusion.rows.map(\.missedCount) == [2, 1, 1] && nothing.confusion.pairs.isEmpty)
    let empty = try LVISEvaluator(groundTruth: LVISDataset(images: [], categories: [], annotations: []))
    #expect(try empty.analyze(try empty.prepare(DetectionColumns())).errors.rows.first?.averagePrecision == .some(nil))

    var options = EvaluationOptions()
    options.maxDetectionsPerImage = nil
    let uncapped = try self.evaluator(options)
    let many = DetectionColumns(
      (0..<1_000_000).lazy.map { index in
        Detection(imageID: 1, categoryID: 1, box: box(Double(index % 3) * 100), score: Double(index % 1000))
      })
    let row = try #require(try uncapped.analyze(try uncapped.prepare(many)).errors.rows.first)
    // On the two objects of the class a third each, all but one a duplicate; the last third on the frequent object.
    #expect(row.foundCount == 2 && row[.duplicate].count == 666_665 && row[.classification].count == 333_333)
  }

  @Test func masksPreparedForScoringAreRefused() throws {
    let data = RandomData(seed: 1)
    let evaluator = try LVISEvaluator(groundTruth: data.dataset, options: .init(iouType: .segm))
    let detections = try evaluator.prepare(data.columns)
    let error = #expect(throws: EvaluationError.self) { try evaluator.analyze(detections) }
    #expect(error?.description.contains("prepare them for analysis") == true)
    #expect(try evaluator.evaluate(data.columns).metrics == evaluator.evaluate(detections).metrics)
    let analysable = try evaluator.prepare(data.columns, for: .analysis)
    #expect(evaluator.evaluate(analysable).metrics == evaluator.evaluate(detections).metrics)
  }
}
