/// A RoI and a class whose score passed the threshold, in 64 bits that order as candidates are taken: by descending
/// score, and of equal scores by ascending place, RoI by RoI and class by class.
struct Candidate: Comparable {
  private let key: UInt64

  /// - Parameters:
  ///   - score: Not negative.
  ///   - place: RoI × classes + class, below 2³².
  init(score: Float, place: Int) {
    key = UInt64(score.bitPattern) << 32 | UInt64(~UInt32(truncatingIfNeeded: place))
  }

  var score: Float { Float(bitPattern: UInt32(key >> 32)) }
  var place: Int { Int(~UInt32(truncatingIfNeeded: key)) }

  /// Whether `left` is taken after `right`.
  static func < (left: Candidate, right: Candidate) -> Bool { left.key < right.key }
}

/// An image's candidates, taken in their order.
///
/// Of ten thousands only the first few hundreds are asked for. So they are kept apart by powers of two of their scores,
/// and a part is sorted only when its turn comes.
struct Candidates {
  /// Part k holds scores of 2^−k and more, up to 2^(1−k); the last one all below.
  private var parts = [[Candidate]](repeating: [], count: 32)
  private var isSorted = [Bool](repeating: true, count: 32)

  mutating func add(_ candidate: Candidate) {
    let part = min(31, max(0, -candidate.score.exponentOrLowest))
    parts[part].append(candidate)
    isSorted[part] = false
  }

  /// Calls `body` with the candidates in their order until it returns false.
  mutating func forEach(_ body: (Candidate) throws -> Bool) rethrows {
    for part in parts.indices {
      if !isSorted[part] {
        parts[part].sort(by: >)
        isSorted[part] = true
      }
      for candidate in parts[part] where try !body(candidate) { return }
    }
  }
}

extension Float {
  /// ⌊log₂⌋ of a number that is not negative; for 0 and subnormals the lowest.
  fileprivate var exponentOrLowest: Int { Int(bitPattern >> 23) - 127 }
}
