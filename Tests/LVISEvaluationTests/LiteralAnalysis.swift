import LVISDatasets
import LVISEvaluation
import Reporting

/// TIDE's procedure (tidecv, quantify.py and main_errors.py) and the other analyses, written down step by step on top
/// of the literal rules: what the real implementation is held against on random data.
struct LiteralAnalysis {
  typealias Object = LiteralEvaluation.Object
  typealias Result = LiteralEvaluation.Result

  struct Prediction {
    var result: Result
    var order: Int
    /// TIDE's `used`: true for a match, nil for an ignored one.
    var used: Bool?
  }

  struct Failure {
    var kind: ErrorBreakdown.Kind
    var prediction: Int?
    var object: Int?
  }

  let literal: LiteralEvaluation
  let objects: [Object]
  /// By image, ascending id, then best first; those of unknown classes or without an area are not there.
  private(set) var predictions: [Prediction] = []
  private(set) var failures: [Failure] = []
  private(set) var usedObjects: Set<Int> = []
  /// For each failure that TIDE's BestGTMatch lets through, the object that is gained.
  private(set) var best: [Int: Int] = [:]
  /// The class that the best detection on an object predicts.
  private(set) var calledAs: [Int: Int] = [:]
  private var honoursCrowds: Bool {
    literal.isCOCO || literal.dataset.images.allSatisfy { $0.negativeCategoryIDs == nil }
  }

  init(_ literal: LiteralEvaluation, _ given: [Result]) throws {
    self.literal = literal
    let known = Set(literal.dataset.categories.map(\.id))
    // An id that stands twice may bring back an annotation of an unknown class.
    objects = literal.survivingObjects().filter { known.contains($0.annotation.categoryID) }
    var numbered = given
    for index in numbered.indices { numbered[index].index = index }
    // Of equal scores, the one that stands first in the file goes first, whatever the order in which caps leave them.
    let results = try literal.filledIn(literal.capped(numbered)).filter {
      known.contains($0.detection.categoryID) && (literal.isCOCO || $0.area > 0)
    }.sorted { $0.index < $1.index }
    for image in literal.dataset.images.sorted(by: { $0.id < $1.id }) {
      try visit(image, results.filter { $0.detection.imageID == image.id })
    }
  }

  func isIgnored(_ object: Int) -> Bool {
    let annotation = objects[object].annotation
    let flagged =
      literal.isCOCO ? annotation.isCrowd : annotation.isIgnored || honoursCrowds && annotation.isCrowd
    return flagged || !AreaRange.all.bounds.contains(annotation.area)
  }

  private func category(_ object: Int) -> Int { objects[object].annotation.categoryID }

  private mutating func visit(_ image: LVISImage, _ results: [Result]) throws {
    var seen: [Int: Int] = [:]
    let sorted = results.enumerated().sorted {
      ($1.element.detection.score, $0.offset) < ($0.element.detection.score, $1.offset)
    }.map(\.element).filter { result in
      seen[result.detection.categoryID, default: 0] += 1
      return !literal.isCOCO || seen[result.detection.categoryID, default: 0] <= 100
    }
    // By category, then as in the file.
    let here = objects.indices.filter { objects[$0].annotation.imageID == image.id }
      .sorted { (category($0), $0) < (category($1), $1) }
    let first = predictions.count
    var overlaps: [[Int: Double]] = []
    for (order, result) in sorted.enumerated() {
      var row: [Int: Double] = [:]
      for object in here {
        let isCrowd = honoursCrowds && objects[object].annotation.isCrowd
        row[object] = try literal.overlap(result, objects[object], isCrowd: isCrowd)
      }
      overlaps.append(row)
      for object in here where calledAs[object] == nil && row[object, default: 0] >= 0.5 {
        calledAs[object] = result.detection.categoryID
      }
      predictions.append(Prediction(result: result, order: order, used: false))
      match(predictions.count - 1, row, here, image)
    }
    var misses: [Failure] = []
    for (offset, row) in overlaps.enumerated() {
      let prediction = first + offset
      guard predictions[prediction].used != true, !isOnIgnored.contains(prediction) else { continue }
      let failure = failure(prediction, row, here.filter { !isIgnored($0) })
      failures.append(failure)
      if failure.object != nil { misses.append(failure) }
    }
    // BestGTMatch: among those that would find an unused object, the best-scored one, the first of equals.
    for object in here where !usedObjects.contains(object) && !isIgnored(object) {
      if let winner = misses.first(where: { $0.object == object })?.prediction {
        best[winner] = object
      } else {
        failures.append(Failure(kind: .missed, prediction: nil, object: object))
      }
    }
  }

  /// Predictions on ignored objects: neither right nor errors.
  private var isOnIgnored: Set<Int> = []

  private mutating func match(_ prediction: Int, _ row: [Int: Double], _ here: [Int], _ image: LVISImage) {
    let result = predictions[prediction].result
    let id = result.detection.categoryID
    let own = here.filter { category($0) == id }
    for group in [own.filter { !isIgnored($0) }, own.filter(isIgnored)] {
      var found: Int?
      for object in group
      where !usedObjects.contains(object) || honoursCrowds && objects[object].annotation.isCrowd {
        let overlap = row[object, default: 0]
        if overlap >= 0.5, overlap >= found.map({ row[$0, default: 0] }) ?? 0 { found = object }
      }
      if let found {
        usedObjects.insert(found)
        if isIgnored(found) { isOnIgnored.insert(prediction) }
        predictions[prediction].used = isIgnored(found) ? nil : true
        return
      }
    }
    let isSearched = literal.counts(result, objects)
    let isExhaustive = literal.isCOCO || !(image.notExhaustiveCategoryIDs?.contains(id) ?? false)
    if !isSearched || !isExhaustive || !AreaRange.all.bounds.contains(result.area) {
      predictions[prediction].used = nil
    }
  }

  /// TIDE's questions in TIDE's order.
  private func failure(_ prediction: Int, _ row: [Int: Double], _ here: [Int]) -> Failure {
    let id = predictions[prediction].result.detection.categoryID
    func best(_ objects: [Int]) -> (object: Int?, overlap: Double) {
      var found: (object: Int?, overlap: Double) = (nil, 0)
      for object in objects where row[object, default: 0] > found.overlap { found = (object, row[object, default: 0]) }
      return found
    }
    let own = best(here.filter { category($0) == id })
    if 0.1 <= own.overlap && own.overlap <= 0.5 {
      return Failure(kind: .localization, prediction: prediction, object: own.object)
    }
    let other = best(here.filter { category($0) != id })
    if other.overlap >= 0.5 { return Failure(kind: .classification, prediction: prediction, object: other.object) }
    let used = best(here.filter { category($0) == id && usedObjects.contains($0) })
    if used.overlap >= 0.5 { return Failure(kind: .duplicate, prediction: prediction) }
    if best(here).overlap <= 0.1 { return Failure(kind: .background, prediction: prediction) }
    return Failure(kind: .both, prediction: prediction)
  }

  /// AP at IoU .5 of each class with objects, errors of a kind being mended; no value where TIDE's data are empty.
  func averagePrecisions(mending kind: ErrorBreakdown.Kind?) -> [Int: Double?] {
    var points: [Int: [LiteralEvaluation.Matched]] = [:]
    func push(_ category: Int, _ prediction: Int, _ isHit: Bool) {
      points[category, default: []].append(
        .init(
          score: predictions[prediction].result.detection.score, rank: prediction, isMatched: isHit, isIgnored: false))
    }
    var removed: [Int: Int] = [:]
    for index in predictions.indices where predictions[index].used == true {
      push(predictions[index].result.detection.categoryID, index, true)
    }
    for failure in failures {
      if let prediction = failure.prediction {
        if failure.kind == kind {
          if let object = best[prediction] { push(category(object), prediction, true) }
        } else if predictions[prediction].used == false {
          push(predictions[prediction].result.detection.categoryID, prediction, false)
        }
      } else if let object = failure.object, kind == .missed {
        removed[category(object), default: 0] += 1
      }
    }
    var answer: [Int: Double?] = [:]
    for id in literal.dataset.categories.map(\.id) {
      let all = objects.indices.filter { category($0) == id && !isIgnored($0) }.count
      guard all > 0 else { continue }
      // By image and order, so that equal scores are in the order of an evaluation.
      let list = (points[id] ?? []).sorted { $0.rank < $1.rank }
      let rest = all - removed[id, default: 0]
      if rest == 0 {
        answer[id] = .some(list.isEmpty ? nil : 0)
      } else if let scores = literal.accumulate([list], objects: rest) {
        answer[id] = .some(scores.precision.reduce(0, +) / 101)
      }
    }
    return answer
  }

  /// The mean over some classes; −1 without any.
  func mean(_ values: [Int: Double?], over classes: Set<Int>) -> Double {
    let own = values.filter { classes.contains($0.key) }.compactMap(\.value)
    return own.isEmpty ? -1 : own.reduce(0, +) / Double(own.count)
  }

  /// The class that an error is counted under, as TIDE's qualifiers have it.
  func category(of failure: Failure) -> Int {
    if let object = failure.object { return category(object) }
    return failure.prediction.map { predictions[$0].result.detection.categoryID } ?? 0
  }
}
