import DenseLinearAlgebra

/// Scores the classes of RoIs from their features: what inference needs of a head.
///
/// Shapes: N RoIs, D features, C foreground classes by ascending category id.
public protocol RoIScorer: Sendable {
  /// The length D of a RoI's features.
  var inputs: Int { get }
  /// The number C of foreground classes.
  var classCount: Int { get }
  /// The numbers of working memory that a RoI needs beside its scores.
  var scratchCount: Int { get }
  /// The RoIs that are best scored at once; as many as a large product takes unless a scorer says otherwise.
  var rowsAtATime: Int { get }

  /// Computes the foreground scores of RoIs.
  ///
  /// - Parameters:
  ///   - features: The features [count, D].
  ///   - count: The number N of RoIs.
  ///   - scratch: Working memory [count, `scratchCount`], overwritten.
  ///   - scores: The scores [count, C], overwritten.
  func score(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into scores: UnsafeMutablePointer<Float>)

  /// Computes the most that any class of each RoI can score, where that takes far less work than the scores.
  ///
  /// - Parameters:
  ///   - features: The features [count, D].
  ///   - count: The number N of RoIs.
  ///   - scratch: Working memory [count, `scratchCount`], overwritten.
  ///   - bounds: The bounds [count], overwritten; right to a part in ten thousand.
  /// - Returns: Whether there are such bounds.
  func boundScores(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into bounds: UnsafeMutablePointer<Float>
  ) -> Bool
}

extension RoIScorer {
  /// Enough for the product to run at full speed, few enough to stay in the cache: 64 to 1,024.
  public var rowsAtATime: Int { min(1024, max(64, (64 << 20) / (4 * (inputs + scratchCount + classCount)))) }

  /// States that there are no bounds.
  public func boundScores(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into bounds: UnsafeMutablePointer<Float>
  ) -> Bool { false }
}

extension LinearHead: RoIScorer {
  /// The number C of foreground classes.
  public var classCount: Int { layout.classCount }
  /// The number K of logits.
  public var scratchCount: Int { layout.logitCount }

  /// Computes the logits, then the scores by the head's layout.
  public func score(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into scores: UnsafeMutablePointer<Float>
  ) {
    logits(features: features, count: count, into: scratch)
    layout.scores(logits: scratch, count: count, into: scores)
  }

  /// p₀ in the grouped layouts, since score_c = p₀ · p_group(c): one or two logits instead of all.
  public func boundScores(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into bounds: UnsafeMutablePointer<Float>
  ) -> Bool {
    guard let layout = layout as? GroupedLayout, layout.background != .none, hidden.isEmpty else { return false }
    weight.withUnsafeValues { weight in
      guard let weight = weight.baseAddress else { return }
      linearLogits(
        features: features, count: count, inputs: inputs, weight: weight,
        bias: Array(bias[layout.backgroundSlice]), into: scratch)
    }
    for row in 0..<count { bounds[row] = layout.foregroundProbability(scratch + row * layout.backgroundSlice.count) }
    return true
  }
}
