import DenseLinearAlgebra

/// The logits of balanced group softmax (Li et al., CVPR 2020, §4.2): G0 for background, then per group `[others, its
/// classes by ascending category id]`.
///
/// Shapes: N RoIs, K logits, C foreground classes. In the official code the slices are its `pred_slice`.
public struct GroupedLayout: LogitLayout, Equatable {
  /// How G0 tells background from foreground. z_fg − z_bg = z₀ makes the two the same function.
  public enum Background: String, Sendable, CaseIterable {
    /// One logit z₀, foreground probability σ(z₀), as the paper writes it.
    case sigmoid
    /// Two logits `[background, foreground]` with softmax, as the official code has it.
    case official
  }

  /// The classes and their groups.
  public let groups: CategoryGroups
  /// How G0 is laid out.
  public let background: Background
  /// For every foreground group, its logits: `others` first.
  public let slices: [Range<Int>]
  /// For every class, its position in its group's slice: 1 for the first class, since 0 is `others`.
  public let positions: [Int]

  /// Lays out the logits for groups of classes.
  public init(groups: CategoryGroups, background: Background = .sigmoid) {
    self.groups = groups
    self.background = background
    var start = background == .sigmoid ? 1 : 2
    slices = groups.classesByGroup.map { classes in
      defer { start += classes.count + 1 }
      return start..<start + classes.count + 1
    }
    var positions = [Int](repeating: 0, count: groups.classCount)
    for classes in groups.classesByGroup {
      for (position, index) in classes.enumerated() { positions[index] = position + 1 }
    }
    self.positions = positions
  }

  /// `grouped-sigmoid` or `grouped-official`.
  public var name: String { "grouped-\(background.rawValue)" }
  /// C.
  public var classCount: Int { groups.classCount }
  /// G0's logits, the classes, and one `others` a group.
  public var logitCount: Int { backgroundSlice.count + classCount + slices.count }
  /// G0's logits.
  public var backgroundSlice: Range<Int> { 0..<(background == .sigmoid ? 1 : 2) }
  /// G0's logits.
  public var backgroundLogits: [Int] { Array(backgroundSlice) }
  /// The first logit of every foreground group.
  public var othersLogits: [Int] { slices.map(\.lowerBound) }
  /// The slot of a class in its group.
  public func logit(ofClass index: Int) -> Int {
    slices[groups.members[index].group].lowerBound + positions[index]
  }

  /// score_c = p₀ · p_group(c): the foreground probability times the softmax inside the class's group, `others` dropped
  /// and nothing renormalised (METHODS: BAGS inference; official `gs_bbox_head_with0.py`).
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    mergedScores(logits: logits, count: count, into: scores)
  }

  /// The same for any scalar.
  ///
  /// - Parameters:
  ///   - logits: [count, K]; overwritten.
  ///   - count: N.
  ///   - scores: [count, C], overwritten.
  public func mergedScores<Scalar: DenseScalar>(
    logits: UnsafeMutablePointer<Scalar>, count: Int, into scores: UnsafeMutablePointer<Scalar>
  ) {
    for row in 0..<count {
      let z = logits + row * logitCount
      let score = scores + row * classCount
      let foreground = foregroundProbability(z)
      for (slice, classes) in zip(slices, groups.classesByGroup) where !classes.isEmpty {
        let p = z + slice.lowerBound
        _ = Scalar.softmax(p, count: slice.count)
        for (position, index) in classes.enumerated() { score[index] = foreground * p[position + 1] }
      }
    }
  }

  /// p₀ of one RoI; its G0 logits are overwritten.
  func foregroundProbability<Scalar: DenseScalar>(_ z: UnsafeMutablePointer<Scalar>) -> Scalar {
    switch background {
    case .sigmoid:
      Scalar.sigmoid(z, count: 1)
      return z[0]
    case .official:
      _ = Scalar.softmax(z, count: 2)
      return z[1]
    }
  }
}
