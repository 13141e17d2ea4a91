import DenseLinearAlgebra

/// A classifier on RoI features: what inference asks of a head.
///
/// Shapes: N RoIs, D features, C foreground classes by ascending category id.
public protocol RoIScorer: Sendable {
  /// D.
  var inputs: Int { get }
  /// C.
  var classCount: Int { get }
  /// The numbers that scoring needs room for beside the scores, for each RoI.
  var scratchCount: Int { get }

  /// Foreground scores.
  ///
  /// - Parameters:
  ///   - features: [count, D].
  ///   - count: N.
  ///   - scratch: [count, `scratchCount`], overwritten.
  ///   - scores: [count, C], overwritten.
  func score(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into scores: UnsafeMutablePointer<Float>)

  /// The most that any class of each RoI can score, where that takes far less work than the scores.
  ///
  /// - Parameters:
  ///   - features: [count, D].
  ///   - count: N.
  ///   - scratch: [count, `scratchCount`], overwritten.
  ///   - bounds: [count], overwritten; right to a part in ten thousand.
  /// - Returns: Whether there are such bounds.
  func boundScores(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into bounds: UnsafeMutablePointer<Float>
  ) -> Bool
}

extension RoIScorer {
  /// There are none.
  public func boundScores(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into bounds: UnsafeMutablePointer<Float>
  ) -> Bool { false }
}

extension LinearHead: RoIScorer {
  /// C.
  public var classCount: Int { layout.classCount }
  /// K, the logits.
  public var scratchCount: Int { layout.logitCount }

  /// Foreground scores: the layout's function of the logits.
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
