/// Verdicts by class, gathered image by image.
struct VerdictStore: Sendable {
  private(set) var classes: [ClassVerdicts]
  private(set) var takenIDZeroObjects = 0
  private let rangeCount: Int

  init(categoryCount: Int, rangeCount: Int) {
    classes = [ClassVerdicts](repeating: ClassVerdicts(), count: categoryCount)
    self.rangeCount = rangeCount
  }

  /// How many detections count.
  var detectionCount: Int { classes.reduce(0) { $0 + $1.verdicts.count } }

  /// Makes room for the verdicts of chunks that are to be added.
  mutating func reserve(for chunks: [VerdictChunk]) {
    var counts = [Int](repeating: 0, count: classes.count)
    for chunk in chunks { for category in chunk.categories { counts[Int(category)] += 1 } }
    for (category, count) in counts.enumerated() where count > 0 {
      classes[category].verdicts.reserveCapacity(classes[category].verdicts.count + count)
    }
  }

  /// Takes the verdicts over, in any order of chunks.
  mutating func add(_ chunk: VerdictChunk) {
    takenIDZeroObjects += chunk.takenIDZeroObjects
    let rows = chunk.outcomes.count / max(1, rangeCount)
    let thresholdCount = chunk.overlaps.count / max(1, rows)
    let rangeCount = rangeCount
    classes.withUnsafeMutableBufferPointer { classes in
      for (index, own) in chunk.verdicts.enumerated() {
        let category = Int(chunk.categories[index])
        var verdict = own
        if verdict.outcome >= 0 {
          let first = Int(verdict.outcome) * rangeCount
          if thresholdCount > 0 {
            classes[category].overlaps += chunk.overlaps.dropFirst(Int(verdict.outcome) * thresholdCount).prefix(
              thresholdCount)
          }
          verdict.outcome = Int32(classes[category].outcomes.count / rangeCount)
          classes[category].outcomes += chunk.outcomes[first..<(first + rangeCount)]
        }
        classes[category].verdicts.append(verdict)
      }
    }
  }
}

extension VerdictStore {
  /// The verdicts in some of the images.
  ///
  /// - Parameter places: By image, its place among those that are kept; −1 for the others.
  func part(inImagesAt places: [Int32]) -> VerdictStore {
    var part = self
    for category in classes.indices {
      part.classes[category].verdicts = classes[category].verdicts.compactMap { verdict -> Verdict? in
        let place = places[Int(verdict.image)]
        guard place >= 0 else { return nil }
        var moved = verdict
        moved.image = place
        return moved
      }
    }
    return part
  }
}

extension ClassVerdicts {
  /// The verdicts in the order in which they are accumulated; see `Verdict.precedes`.
  func sorted() -> ClassVerdicts {
    var sorted = self
    let order = verdicts.order()
    sorted.verdicts = order.map { verdicts[Int($0)] }
    return sorted
  }
}
