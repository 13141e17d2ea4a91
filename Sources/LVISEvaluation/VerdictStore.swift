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

  /// Takes the verdicts over, in any order of chunks.
  mutating func add(_ chunk: VerdictChunk) {
    takenIDZeroObjects += chunk.takenIDZeroObjects
    for var verdict in chunk.verdicts {
      let category = Int(verdict.category)
      if verdict.outcome >= 0 {
        let first = Int(verdict.outcome) * rangeCount
        verdict.outcome = Int32(classes[category].outcomes.count / rangeCount)
        classes[category].outcomes += chunk.outcomes[first..<(first + rangeCount)]
      }
      classes[category].verdicts.append(verdict)
    }
  }
}

extension ClassVerdicts {
  /// The verdicts in the order in which they are accumulated; see `Verdict.precedes`.
  func sorted() -> ClassVerdicts {
    var sorted = self
    sorted.verdicts.sort(by: Verdict.precedes)
    return sorted
  }
}
