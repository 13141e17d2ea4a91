/// The RoIs of a batch that a group's loss takes: all its positives, and of the rest, whose label there is `others`,
/// int(β · positives) drawn without replacement, all if there are fewer (Li et al., CVPR 2020, §4.2; official
/// `gs_bbox_head_with0.py`, `_sample_others`). A group without positives takes none.
///
/// - Parameters:
///   - isPositive: For every RoI, whether its label is a class of the group.
///   - ratio: β.
///   - generator: Where the draw comes from.
/// - Returns: The rows kept, ascending.
public func sampledRows(
  isPositive: [Bool], othersRatio ratio: Double, using generator: inout some RandomNumberGenerator
) -> [Int32] {
  var positives = 0
  for positive in isPositive where positive { positives += 1 }
  guard positives > 0 else { return [] }
  let wanted = ratio * Double(positives)
  let others = isPositive.count - positives
  // Compared as Double: β = 1000 and more times many positives stays clear of Int's range.
  if wanted >= Double(others) { return (0..<Int32(isPositive.count)).map { $0 } }

  // Selection sampling (Knuth, TAOCP 3.4.2, algorithm S): one pass, the rows come out ascending.
  var missing = Int(wanted)
  var left = others
  var kept: [Int32] = []
  kept.reserveCapacity(positives + missing)
  for (row, positive) in isPositive.enumerated() {
    if positive {
      kept.append(Int32(row))
    } else {
      if missing > 0 && Int.random(in: 0..<left, using: &generator) < missing {
        kept.append(Int32(row))
        missing -= 1
      }
      left -= 1
    }
  }
  return kept
}

/// `wanted` of 0..<count, drawn without replacement, ascending (selection sampling, as above).
func sample(_ wanted: Int, of count: Int, using generator: inout some RandomNumberGenerator) -> [Int] {
  var missing = min(wanted, count)
  var kept: [Int] = []
  kept.reserveCapacity(missing)
  for position in 0..<count
  where missing > 0 && Int.random(in: position..<count, using: &generator) < position + missing {
    kept.append(position)
    missing -= 1
  }
  return kept
}
