import LVISDatasets

/// The thresholds and ranges that matching goes by.
struct MatchingRules: Sendable {
  /// min(t, 1 − 1e-10): what the best IoU starts from at each threshold.
  let starts: [Double]
  let lowestStart: Double
  let ranges: [ObjectRange]
  let allThresholds: UInt64
  let fixesIDZero: Bool
  let isCOCO: Bool

  init(_ options: EvaluationOptions) {
    starts = options.iouThresholds.map { min($0, 1 - 1e-10) }
    lowestStart = starts.min() ?? 1
    ranges = options.allRanges.map(ObjectRange.init)
    allThresholds = starts.count == 64 ? .max : (1 << UInt64(starts.count)) - 1
    fixesIDZero = options.fixesIDZero
    isCOCO = options.rules == .coco
  }

  /// COCO scores at most 100 detections an image and class.
  static let cocoMaxDetections = 100
}

/// Matches the detections of one image after another (lvis-api `LVISEval._prepare` and `evaluate_img`; pycocotools
/// `cocoeval.py`, `evaluateImg`).
struct ImageMatcher<Source: Overlap> {
  private let truth: GroundTruthIndex
  private let table: DetectionTable
  private var overlap: Source
  private let rules: MatchingRules
  /// Where set, detections of other categories are passed over.
  var onlyCategory: Int32?
  /// Whether to note the IoU of every match over all areas.
  var keepsOverlaps = false

  private var statuses: ImageStatuses
  /// The image's detections that may match something; under COCO's rules all, as those have to be counted.
  private var candidates: [MatchCandidate] = []
  /// The candidates before they are grouped, and by category how many there are; 0 between two images.
  private var ungrouped: [MatchCandidate] = []
  private var counts: [Int32]
  private var presentCategories: [Int32] = []
  private var row: [Double] = []
  private var matched: [UInt64] = []
  private var orderInRange: [Int32] = []
  private var near: [(object: Int32, overlap: Double)] = []
  /// By threshold the IoU of the last match; 0 where there is none.
  private var matchedOverlaps: [Double]

  init(truth: GroundTruthIndex, table: DetectionTable, overlap: Source, rules: MatchingRules) {
    self.truth = truth
    self.table = table
    self.overlap = overlap
    self.rules = rules
    statuses = ImageStatuses(truth)
    counts = [Int32](repeating: 0, count: truth.categories.count)
    matchedOverlaps = [Double](repeating: 0, count: rules.starts.count)
  }

  /// Appends the verdicts on an image's detections.
  mutating func match(image: Int, detections: ArraySlice<Int32>, into chunk: inout VerdictChunk) {
    statuses.turn(to: image)
    candidates.removeAll(keepingCapacity: true)
    let first = chunk.verdicts.count
    for (order, detection) in detections.enumerated() {
      let category = table.categories[Int(detection)]
      guard category >= 0, statuses.isSearched(category), onlyCategory == nil || category == onlyCategory else {
        continue
      }
      let area = table.area(of: Int(detection))
      guard rules.isCOCO || (area > 0 && area < .infinity) else { continue }
      if rules.isCOCO || statuses.pair(category) >= 0 {
        candidates.append(
          MatchCandidate(
            category: category, verdict: Int32(truncatingIfNeeded: chunk.verdicts.count), detection: detection,
            rank: descendingRank(of: table.scores[Int(detection)])))
      }
      chunk.categories.append(category)
      chunk.verdicts.append(
        Verdict(
          score: table.scores[Int(detection)], image: Int32(truncatingIfNeeded: image),
          order: Int32(truncatingIfNeeded: order), outcome: -1,
          ignoredRanges: ignoredRanges(
            area: area, box: table.boxes[Int(detection)], notExhaustive: statuses.isNotExhaustive(category)), rank: 0))
    }
    matchCandidates(into: &chunk)
    if rules.isCOCO, detections.count > MatchingRules.cocoMaxDetections { dropBeyondCap(from: first, &chunk) }
  }

  /// COCO's rule: of an image and class only the best hundred count.
  private func dropBeyondCap(from first: Int, _ chunk: inout VerdictChunk) {
    var kept = first
    for place in first..<chunk.verdicts.count where Int(chunk.verdicts[place].rank) < MatchingRules.cocoMaxDetections {
      if kept != place {
        chunk.verdicts[kept] = chunk.verdicts[place]
        chunk.categories[kept] = chunk.categories[place]
      }
      kept += 1
    }
    chunk.verdicts.removeLast(chunk.verdicts.count - kept)
    chunk.categories.removeLast(chunk.categories.count - kept)
  }

  @inline(__always)
  private func ignoredRanges(area: Double, box: BoundingBox, notExhaustive: Bool) -> UInt16 {
    if notExhaustive { return .max }
    var bits: UInt16 = 0
    for (index, range) in rules.ranges.enumerated() where range.excludes(area: area, box: box) {
      bits |= 1 << UInt16(index)
    }
    return bits
  }
}

/// A detection that may match something: by descending score, equal ones in their order.
private struct MatchCandidate: Comparable {
  var category: Int32
  var verdict: Int32
  var detection: Int32
  var rank: UInt64

  @inline(__always)
  static func < (a: Self, b: Self) -> Bool { a.rank != b.rank ? a.rank < b.rank : a.verdict < b.verdict }
}

// MARK: - One image and category

extension ImageMatcher {
  private mutating func matchCandidates(into chunk: inout VerdictChunk) {
    groupCandidates()
    var begin = 0
    while begin < candidates.count {
      let category = candidates[begin].category
      var end = begin + 1
      while end < candidates.count && candidates[end].category == category { end += 1 }
      var members = begin..<end
      if rules.isCOCO { members = rank(members, in: &chunk) }
      let pair = statuses.pair(category)
      if pair >= 0 { match(members, withPair: pair, into: &chunk) }
      begin = end
    }
  }

  /// Puts the candidates of a category side by side, the best first. Detectors write them by descending score as a rule, so
  /// that a stable distribution leaves nothing to sort.
  private mutating func groupCandidates() {
    guard candidates.count > 1 else { return }
    swap(&candidates, &ungrouped)
    presentCategories.removeAll(keepingCapacity: true)
    for candidate in ungrouped {
      if counts[Int(candidate.category)] == 0 { presentCategories.append(candidate.category) }
      counts[Int(candidate.category)] += 1
    }
    var sum: Int32 = 0
    for category in presentCategories {
      let count = counts[Int(category)]
      counts[Int(category)] = sum
      sum += count
    }
    candidates.removeAll(keepingCapacity: true)
    candidates.append(contentsOf: ungrouped)
    for candidate in ungrouped {
      candidates[Int(counts[Int(candidate.category)])] = candidate
      counts[Int(candidate.category)] += 1
    }
    var begin = 0
    for category in presentCategories {
      let end = Int(counts[Int(category)])
      counts[Int(category)] = 0
      if (begin + 1..<end).contains(where: { candidates[$0].rank < candidates[$0 - 1].rank }) {
        candidates[begin..<end].sort()
      }
      begin = end
    }
  }

  /// COCO's rule: numbers the detections of an image and class from the best, and leaves out those past the hundredth.
  private func rank(_ members: Range<Int>, in chunk: inout VerdictChunk) -> Range<Int> {
    for (rank, member) in members.enumerated() {
      chunk.verdicts[Int(candidates[member].verdict)].rank = UInt16(clamping: rank)
    }
    return members.prefix(MatchingRules.cocoMaxDetections)
  }

  private mutating func match(_ members: Range<Int>, withPair pair: Int, into chunk: inout VerdictChunk) {
    let objects = truth.objectRange(ofPair: pair)
    let rangeCount = rules.ranges.count
    prepareOrders(objects)
    overlap.begin(objects)
    for member in members {
      let candidate = candidates[member]
      overlap.fill(&row, detection: Int(candidate.detection))
      var isNear = false
      for object in 0..<objects.count where row[object] >= rules.lowestStart { isNear = true }
      guard isNear else { continue }
      let first = chunk.outcomes.count
      let verdict = chunk.verdicts[Int(candidate.verdict)]
      for range in 0..<rangeCount {
        let ignoresUnmatched = verdict.ignoredRanges & (1 << UInt16(range)) != 0
        chunk.outcomes.append(outcome(objects, range: range, ignoresUnmatched: ignoresUnmatched))
        if keepsOverlaps, range == 0 { chunk.overlaps += matchedOverlaps }
      }
      chunk.verdicts[Int(candidate.verdict)].outcome = Int32(first / rangeCount)
    }
    for (offset, object) in objects.enumerated() where truth.objects[object].hasIDZero && !rules.fixesIDZero {
      if (0..<rangeCount).contains(where: { matched[$0 * objects.count + offset] != 0 }) {
        chunk.takenIDZeroObjects += 1
      }
    }
  }

  /// For every range the objects in the order that matching tries them: ignored ones last, else as they are.
  private mutating func prepareOrders(_ objects: Range<Int>) {
    let count = objects.count
    row.removeAll(keepingCapacity: true)
    row.append(contentsOf: repeatElement(0, count: count))
    matched.removeAll(keepingCapacity: true)
    matched.append(contentsOf: repeatElement(0, count: count * rules.ranges.count))
    orderInRange.removeAll(keepingCapacity: true)
    for range in rules.ranges {
      for wantsIgnored in [false, true] {
        for (offset, object) in objects.enumerated()
        where truth.objects[object].isIgnored(in: range) == wantsIgnored {
          orderInRange.append(Int32(offset))
        }
      }
    }
  }

  /// Matches the detection whose IoUs stand in `row` at every threshold (the innermost loops of lvis-api's
  /// `LVISEval.evaluate_img`).
  private mutating func outcome(_ objects: Range<Int>, range: Int, ignoresUnmatched: Bool) -> Outcome {
    let limits = rules.ranges[range]
    let firstSlot = range * objects.count
    near.removeAll(keepingCapacity: true)
    for slot in firstSlot..<(firstSlot + objects.count) {
      let object = orderInRange[slot]
      if row[Int(object)] >= rules.lowestStart { near.append((object, row[Int(object)])) }
    }
    if near.count < 2 {
      return outcome(near.first, objects, range: range, firstSlot: firstSlot, ignoresUnmatched: ignoresUnmatched)
    }
    var outcome = Outcome(truePositive: 0, falsePositive: 0)
    for (threshold, start) in rules.starts.enumerated() {
      let bit: UInt64 = 1 << UInt64(threshold)
      var best = start
      var match = -1
      var matchIsIgnored = false
      for (offset, value) in near {
        let object = truth.objects[objects.lowerBound + Int(offset)]
        if matched[firstSlot + Int(offset)] & bit != 0 && !object.isCrowd { continue }
        let isIgnored = object.isIgnored(in: limits)
        if match >= 0 && !matchIsIgnored && isIgnored { break }
        if value < best { continue }
        best = value
        match = Int(offset)
        matchIsIgnored = isIgnored
      }
      if keepsOverlaps { matchedOverlaps[threshold] = match >= 0 ? best : 0 }
      guard match >= 0 else {
        if !ignoresUnmatched { outcome.falsePositive |= bit }
        continue
      }
      matched[firstSlot + match] |= bit
      if matchIsIgnored { continue }
      if truth.objects[objects.lowerBound + match].hasIDZero && !rules.fixesIDZero {
        // Taken, but the id that lvis-api notes down reads as "no match".
        if !ignoresUnmatched { outcome.falsePositive |= bit }
      } else {
        outcome.truePositive |= bit
      }
    }
    return outcome
  }
}

extension ImageMatcher {
  /// The same where no more than one object is near, which is all thresholds at once.
  private mutating func outcome(
    _ near: (object: Int32, overlap: Double)?, _ objects: Range<Int>, range: Int, firstSlot: Int, ignoresUnmatched: Bool
  ) -> Outcome {
    var taken: UInt64 = 0
    var outcome = Outcome(truePositive: 0, falsePositive: 0)
    if let near {
      for (threshold, start) in rules.starts.enumerated() where near.overlap >= start {
        taken |= 1 << UInt64(threshold)
      }
      let object = truth.objects[objects.lowerBound + Int(near.object)]
      let slot = firstSlot + Int(near.object)
      if !object.isCrowd { taken &= ~matched[slot] }
      matched[slot] |= taken
      if !object.isIgnored(in: rules.ranges[range]) {
        if !object.hasIDZero || rules.fixesIDZero {
          outcome.truePositive = taken
        } else if !ignoresUnmatched {
          // Taken, but the id that lvis-api notes down reads as "no match".
          outcome.falsePositive = taken
        }
      }
    }
    if !ignoresUnmatched { outcome.falsePositive |= rules.allThresholds & ~taken }
    if keepsOverlaps {
      for threshold in matchedOverlaps.indices {
        matchedOverlaps[threshold] = taken & (1 << UInt64(threshold)) == 0 ? 0 : near?.overlap ?? 0
      }
    }
    return outcome
  }
}
