import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

@Suite struct ResultComparisonTests {
  /// Random data whose scores are all different: copies of an image then are the only ties.
  private func untied(_ seed: UInt64) -> RandomData {
    var data = RandomData(seed: seed, isTied: false)
    data.options.iouType = .bbox
    data.options.maxDetectionsPerCategory = nil
    // Copies of an object with id 0 would be one.
    data.options.fixesIDZero = true
    for index in data.results.indices { data.results[index].hasBox = true }
    return data
  }

  private func changed(_ data: RandomData, seed: UInt64) -> DetectionColumns {
    var generator = TestGenerator(seed: seed)
    return RandomData.columns(
      data.results.map { result in
        var result = result
        result.detection.score = Double.random(in: 0...1, using: &generator)
        return result
      })
  }

  /// A replicate is what an evaluation of the drawn images says, written out as a data set of their copies.
  @Test func aReplicateIsAnEvaluationOfCopies() throws {
    for seed in 0..<UInt64(120) {
      let data = untied(seed)
      let evaluator = try LVISEvaluator(groundTruth: data.dataset, options: data.options)
      let columns = [data.columns, changed(data, seed: seed)]
      let scored = try columns.map { evaluator.score(try evaluator.prepare($0)) }
      let comparison = evaluator.compare(scored[0], with: scored[1], replicates: 40, seed: seed)
      var differences: [String: [Double]] = [:]
      for replicate in 0..<40 {
        let ids = data.dataset.images.map(\.id).sorted()
        let draws = evaluator.bootstrapDraws(replicate: replicate, seed: seed)
        #expect(draws.reduce(0) { $0 + Int($1) } == ids.count)
        let weights = Dictionary(zip(ids, draws.map(Int.init))) { $1 }
        let values = try columns.map { try copied(data, $0, weights).metrics }
        for (a, b) in zip(values[0], values[1]) {
          guard let first = a.value, let second = b.value else { continue }
          differences[a.name, default: []].append(second - first)
        }
      }
      for entry in comparison.metrics {
        let values = (differences[entry.name] ?? []).sorted()
        guard values.count >= 20 else {
          #expect(entry.interval == nil, "seed \(seed) \(entry.name)")
          continue
        }
        let interval = try #require(entry.interval, "seed \(seed) \(entry.name)")
        func quantile(_ share: Double) -> Double {
          let position = share * Double(values.count - 1)
          let low = Int(position)
          return values[low] + (position - Double(low)) * (values[min(low + 1, values.count - 1)] - values[low])
        }
        #expect(abs(interval.lowerBound - quantile(0.025)) < 1e-6, "seed \(seed) \(entry.name)")
        #expect(abs(interval.upperBound - quantile(0.975)) < 1e-6, "seed \(seed) \(entry.name)")
      }
    }
  }

  /// Evaluates a data set in which each image stands as often as it was drawn.
  private func copied(
    _ data: RandomData, _ columns: DetectionColumns, _ weights: [Int: Int]
  ) throws -> EvaluationResult {
    // Ascending ids stay ascending, copies side by side.
    let ranks = Dictionary(data.dataset.images.map(\.id).sorted().enumerated().map { ($1, $0) }) { $1 }
    func id(_ image: Int, _ copy: Int) -> Int { (ranks[image] ?? 0) * 100 + copy }
    var images: [LVISImage] = []
    var annotations: [LVISAnnotation] = []
    var detections: [Detection] = []
    for image in data.dataset.images {
      // An image that was not drawn stays, empty: whether the ground truth is COCO-style must not depend on the draw.
      for copy in 0..<max(1, weights[image.id] ?? 0) {
        var other = image
        other.id = id(image.id, copy)
        images.append(other)
      }
    }
    for annotation in data.dataset.annotations {
      for copy in 0..<(weights[annotation.imageID] ?? 0) {
        var other = annotation
        other.imageID = id(annotation.imageID, copy)
        other.id = annotation.id * 100 + copy + 1
        annotations.append(other)
      }
    }
    for index in 0..<columns.count {
      for copy in 0..<(weights[columns.imageIDs[index]] ?? 0) {
        var other = columns[index]
        other.imageID = id(other.imageID, copy)
        detections.append(other)
      }
    }
    return try LVISEvaluator(
      groundTruth: LVISDataset(images: images, categories: data.dataset.categories, annotations: annotations),
      options: data.options
    ).evaluate(detections)
  }

  @Test func valuesAreThoseOfTheEvaluations() throws {
    let data = untied(11)
    let evaluator = try LVISEvaluator(groundTruth: data.dataset, options: data.options)
    let (first, second) = (data.columns, changed(data, seed: 4))
    let scored = try [first, second].map { evaluator.score(try evaluator.prepare($0)) }
    let comparison = evaluator.compare(scored[0], with: scored[1], replicates: 0)
    let results = try [first, second].map { try evaluator.evaluate($0) }
    for entry in comparison.metrics {
      #expect(entry.first == results[0][entry.name] && entry.second == results[1][entry.name])
      #expect(entry.interval == nil && !entry.isClear)
    }
    for row in comparison.classes {
      #expect(row.averagePrecision.first == results[0].classes.first { $0.id == row.id }?["AP"])
      #expect(row.averagePrecision.second == results[1].classes.first { $0.id == row.id }?["AP"])
    }
  }

  /// A rare class in some of five images, and two scorings: no object found, and all of them.
  private static func foundOrNot(
    objectsIn images: [Int]
  ) throws -> (evaluator: LVISEvaluator, none: ScoredDetections, all: ScoredDetections) {
    let box = BoundingBox(x: 0, y: 0, width: 10, height: 10)
    let dataset = LVISDataset(
      images: (1...5).map {
        LVISImage(id: $0, width: 20, height: 20, negativeCategoryIDs: [], notExhaustiveCategoryIDs: [])
      },
      categories: [LVISCategory(id: 1, name: "a", frequency: .rare)],
      annotations: images.map { LVISAnnotation(id: $0, imageID: $0, categoryID: 1, box: box) })
    let evaluator = try LVISEvaluator(groundTruth: dataset)
    let detections = images.map { Detection(imageID: $0, categoryID: 1, box: box, score: 0.5) }
    return (
      evaluator, evaluator.score(try evaluator.prepare(DetectionColumns())),
      evaluator.score(try evaluator.prepare(DetectionColumns(detections)))
    )
  }

  /// Whatever is drawn, a class of one image is found or not: that is no certainty.
  @Test func aClassOfOneImageHasNoInterval() throws {
    let (evaluator, none, found) = try Self.foundOrNot(objectsIn: [3])
    let entry = try #require(evaluator.compare(none, with: found, replicates: 100).classes.first?.averagePrecision)
    #expect(abs((entry.difference ?? 0) - 1) < 1e-12 && entry.interval == nil && !entry.isClear)
  }

  /// Every object is found by the second alone: every draw says so.
  @Test func aDifferenceInEveryDrawIsClear() throws {
    let (evaluator, none, all) = try Self.foundOrNot(objectsIn: Array(1...5))
    var told: [Double] = []
    let comparison = evaluator.compare(none, with: all, replicates: 100, seed: 3) { told.append($0) }
    let rare = try #require(comparison.metrics.first { $0.name == "APr" })
    #expect(rare.first == 0 && abs((rare.second ?? .nan) - 1) < 1e-12 && rare.isClear)
    #expect(abs((rare.interval?.lowerBound ?? 0) - 1) < 1e-6 && abs((rare.interval?.upperBound ?? 0) - 1) < 1e-6)
    #expect(comparison.metrics.first { $0.name == "APc" }?.difference == nil)
    #expect(comparison.classes.first?.averagePrecision.isClear == true)
    #expect(told.last == 1 && told == told.sorted())
    // The same seed, the same interval; against itself, nothing.
    let again = evaluator.compare(none, with: all, replicates: 100, seed: 3)
    #expect(again.metrics == comparison.metrics)
    let same = evaluator.compare(all, with: all, replicates: 100)
    #expect(same.metrics.allSatisfy { $0.difference ?? 0 == 0 && !$0.isClear })
  }

  /// An interval is that of the binomial distribution where AP is a share of images.
  @Test func intervalsAreAsWideAsTheDrawsSay() throws {
    let box = BoundingBox(x: 0, y: 0, width: 10, height: 10)
    let dataset = LVISDataset(
      images: (1...400).map {
        LVISImage(id: $0, width: 20, height: 20, negativeCategoryIDs: [], notExhaustiveCategoryIDs: [])
      },
      categories: [LVISCategory(id: 1, name: "a", frequency: .frequent)],
      annotations: (1...400).map { LVISAnnotation(id: $0, imageID: $0, categoryID: 1, box: box) })
    let evaluator = try LVISEvaluator(groundTruth: dataset)
    func scored(_ found: Range<Int>) throws -> ScoredDetections {
      evaluator.score(
        try evaluator.prepare(
          DetectionColumns(found.map { Detection(imageID: $0, categoryID: 1, box: box, score: 0.5) })))
    }
    // Half found against none: recall is binomial, n = 400, p = 1/2, so its deviation is 2.5 %.
    let comparison = evaluator.compare(try scored(1..<1), with: try scored(1..<201), replicates: 2000, seed: 1)
    let interval = try #require(comparison.metrics.first { $0.name == "AP" }?.interval)
    #expect(abs(interval.lowerBound - (0.5 - 1.96 * 0.025)) < 0.01, "\(interval)")
    #expect(abs(interval.upperBound - (0.5 + 1.96 * 0.025)) < 0.015, "\(interval)")
  }
}
