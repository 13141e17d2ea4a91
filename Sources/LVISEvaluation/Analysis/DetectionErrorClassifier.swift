import LVISDatasets

/// Classifies the errors of the detections of one image after another as TIDE does, and notes what the objects are called.
///
/// One pass over the detections, best first: what TIDE asks of a detection's IoU with all objects comes down to the best
/// IoU with one of its class and with one of another.
struct DetectionErrorClassifier<Source: Overlap> {
  private let truth: GroundTruthIndex
  private let table: DetectionTable
  private let isCOCO: Bool
  private let comparesMasks: Bool
  private var overlap: Source
  private var statuses: ImageStatuses
  private(set) var findings: ImageFindings

  /// The image's objects, and for each whether it was found, whether an error that would find it was mended, and the
  /// class of the best detection on it.
  private var objects = 0..<0
  private var isTaken: [Bool] = []
  private var isWithinReach: [Bool] = []
  private var calledAs: [Int32] = []
  private var row: [Double] = []
  /// Detections that missed an object by a class or by a little, best first.
  private var misses: [(record: ImageFindings.Record, object: Int)] = []
  private var seen: [Int32: Int] = [:]

  init(_ evaluator: LVISEvaluator, _ table: DetectionTable, _ overlap: Source) {
    truth = evaluator.truth
    self.table = table
    self.overlap = overlap
    isCOCO = evaluator.options.rules == .coco
    comparesMasks = evaluator.options.iouType != .bbox
    statuses = ImageStatuses(truth)
    findings = ImageFindings(categoryCount: truth.categories.count)
  }

  /// Adds an image to the findings.
  mutating func classify(image: Int, detections: ArraySlice<Int32>) {
    statuses.turn(to: image)
    objects = truth.objectRange(ofImage: image)
    isTaken = [Bool](repeating: false, count: objects.count)
    isWithinReach = isTaken
    row = [Double](repeating: 0, count: objects.count)
    calledAs = objects.map { isIgnored($0 - objects.lowerBound) ? -2 : -1 }
    misses.removeAll(keepingCapacity: true)
    seen.removeAll(keepingCapacity: true)
    overlap.begin(objects)
    for (order, detection) in detections.sortedByDescendingScore(table.scores).enumerated() {
      classify(Int(detection), image: image, order: order)
    }
    settleMisses()
    for offset in 0..<objects.count where !isTaken[offset] && !isWithinReach[offset] && !isIgnored(offset) {
      findings.count(.missed, category(ofObject: offset))
    }
    findings.calledAs += calledAs
  }

  private mutating func classify(_ detection: Int, image: Int, order: Int) {
    let category = table.categories[detection]
    guard category >= 0 else { return }
    let area = table.area(of: detection)
    guard isCOCO || (area > 0 && area < .infinity) else { return }
    if isCOCO {
      seen[category, default: 0] += 1
      if seen[category, default: 0] > MatchingRules.cocoMaxDetections { return }
    }
    let isOnSome = fillRow(detection)
    let own = offsets(ofPair: statuses.pair(category))
    let match = isOnSome ? takeMatch(own) : nil
    let counts: Bool
    if let match {
      counts = !isIgnored(match)
    } else {
      counts =
        statuses.isSearched(category) && !statuses.isNotExhaustive(category)
        && AreaRange.all.bounds.contains(area)
    }
    if isOnSome {
      for offset in 0..<objects.count where calledAs[offset] == -1 && row[offset] >= Self.foreground {
        calledAs[offset] = category
      }
    }
    var record = ImageFindings.Record(
      score: table.scores[detection], image: Int32(truncatingIfNeeded: image),
      order: Int32(truncatingIfNeeded: order), category: category, mendedCategory: -1, kind: nil, counts: counts)
    if match != nil {
      if counts { findings.records.append(record) }
      return
    }
    let (kind, object) = isOnSome ? kind(ownObjects: own) : (.background, nil)
    record.kind = kind
    findings.count(kind, object.map(self.category(ofObject:)) ?? category, isIgnored: !counts)
    if let object {
      misses.append((record, object))
    } else if counts {
      findings.records.append(record)
    }
  }

  private static var foreground: Double { DetectionAnalysis.foregroundThreshold }
  private static var background: Double { DetectionAnalysis.backgroundThreshold }

  /// Works out a detection's IoU with every object; returns whether any is worth noticing.
  private mutating func fillRow(_ detection: Int) -> Bool {
    // A mask that was not kept is on no object.
    guard !objects.isEmpty, !comparesMasks || table.maskOfDetection[detection] >= 0 else { return false }
    overlap.fill(&row, detection: detection)
    return row.contains { $0 >= Self.background }
  }

  @inline(__always)
  private func isIgnored(_ offset: Int) -> Bool {
    truth.objects[objects.lowerBound + offset].isIgnored(in: .all)
  }

  private func category(ofObject offset: Int) -> Int32 {
    for pair in truth.pairs(of: statuses.image) where offsets(ofPair: pair).contains(offset) {
      return truth.pairs[pair].category
    }
    return -1
  }

  /// Where a pair's objects stand among the image's; −1 stands for no pair.
  private func offsets(ofPair pair: Int) -> Range<Int> {
    guard pair >= 0 else { return 0..<0 }
    let range = truth.objectRange(ofPair: pair)
    return (range.lowerBound - objects.lowerBound)..<(range.upperBound - objects.lowerBound)
  }

  /// Matches a detection at IoU .5 as lvis-api `LVISEval.evaluate_img` does: takes the object that it overlaps most, one
  /// that counts before one that does not.
  private mutating func takeMatch(_ own: Range<Int>) -> Int? {
    for wantsIgnored in [false, true] {
      var best = Self.foreground
      var match: Int?
      for offset in own where isIgnored(offset) == wantsIgnored {
        let isFree = !isTaken[offset] || truth.objects[objects.lowerBound + offset].isCrowd
        if isFree && row[offset] >= best { (best, match) = (row[offset], offset) }
      }
      if let match {
        isTaken[match] = true
        return match
      }
    }
    return nil
  }

  /// The kind of an error, and the object that it would have found, asked in TIDE's order.
  private func kind(ownObjects: Range<Int>) -> (ErrorBreakdown.Kind, Int?) {
    var (own, ownObject): (Double, Int?) = (0, nil)
    var (other, otherObject): (Double, Int?) = (0, nil)
    for offset in 0..<objects.count where !isIgnored(offset) {
      if ownObjects.contains(offset) {
        if row[offset] > own { (own, ownObject) = (row[offset], offset) }
      } else if row[offset] > other {
        (other, otherObject) = (row[offset], offset)
      }
    }
    if own >= Self.background && own <= Self.foreground { return (.localization, ownObject) }
    if other >= Self.foreground { return (.classification, otherObject) }
    // Unmatched for all that: a better one has taken the object.
    if own >= Self.foreground { return (.duplicate, nil) }
    return (max(own, other) <= Self.background ? .background : .both, nil)
  }

  /// Of all that would have found an object the best one is mended; the rest go, as all do where it was found.
  private mutating func settleMisses() {
    for (record, object) in misses {
      var record = record
      if !isTaken[object] && !isWithinReach[object] {
        isWithinReach[object] = true
        record.mendedCategory = category(ofObject: object)
      }
      if record.counts || record.mendedCategory >= 0 { findings.records.append(record) }
    }
  }
}
