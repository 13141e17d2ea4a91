/// Scores sets of detections on images drawn with replacement.
struct Bootstrap: Sendable {
  /// By class: images with objects that count, and how many.
  let objects: [[(image: Int32, count: Int32)]]
  let imageCount: Int
  let thresholdCount: Int
  let seed: UInt64
  /// By set, then class.
  let lists: [[WeightedList]]

  /// The AP by set, class and threshold on one draw; empty for a class without objects in it.
  func averagePrecisions(replicate: Int) -> [[[Double]]] {
    let weights = Self.weights(imageCount: imageCount, seed: seed, replicate: replicate)
    let counts = objects.map { $0.reduce(0) { $0 + Int($1.count) * Int(weights[Int($1.image)]) } }
    var scratch = WeightedScratch(thresholdCount: thresholdCount)
    return lists.map { lists in
      lists.indices.map { category in
        counts[category] == 0
          ? [] : lists[category].averagePrecisions(weights, objects: counts[category], &scratch)
      }
    }
  }

  /// How often each image is drawn.
  static func weights(imageCount: Int, seed: UInt64, replicate: Int) -> [UInt16] {
    var weights = [UInt16](repeating: 0, count: imageCount)
    guard imageCount > 0 else { return weights }
    // Each replicate has a stream of its own, so that any core may draw it.
    var start = SplitMix64(state: seed)
    start = SplitMix64(state: start.next() ^ UInt64(truncatingIfNeeded: replicate))
    var generator = SplitMix64(state: start.next())
    for _ in 0..<imageCount { weights[Int.random(in: 0..<imageCount, using: &generator)] &+= 1 }
    return weights
  }
}

extension LVISEvaluator {
  /// The number of times that each image, by ascending id, is drawn in a replicate of
  /// ``compare(_:with:replicates:seed:progress:)``.
  public func bootstrapDraws(replicate: Int, seed: UInt64) -> [UInt16] {
    Bootstrap.weights(imageCount: truth.images.count, seed: seed, replicate: replicate)
  }
}

/// A small generator with good statistics for short streams (Steele, Lea and Flood, OOPSLA 2014).
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
