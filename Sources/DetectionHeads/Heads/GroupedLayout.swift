import DenseLinearAlgebra
import LVISDatasets

/// The logits of balanced group softmax (Li et al., CVPR 2020, §4.2): G0 for background, then per group `[others, its
/// classes by ascending category id]`.
///
/// Shapes: N RoIs, K logits, C foreground classes. In the official code the slices are its `pred_slice`.
///
/// The paper's ablations (§5.3) leave out parts: without G0 background is told from a group's classes by its `others`
/// alone, and a score is p_group(c); without `others` a group's softmax is over its classes alone.
public struct GroupedLayout: LogitLayout, Equatable {
  /// The form of G0, which tells background from foreground. z_fg − z_bg = z₀ makes the first two the same function.
  public enum Background: String, Sendable, CaseIterable {
    /// One logit z₀, foreground probability σ(z₀), as the paper writes it.
    case sigmoid
    /// Two logits `[background, foreground]` with softmax, as the official code has it.
    case official
    /// There is no G0: p₀ = 1.
    case none
  }

  /// The classes and their groups.
  public let groups: CategoryGroups
  /// The form of G0.
  public let background: Background
  /// Whether every group has a logit `others` before its classes.
  public let hasOthers: Bool
  /// For every foreground group, its logits: `others` first.
  public let slices: [Range<Int>]
  /// For every class, its position in its group's slice: 1 for the first class, since 0 is `others`.
  public let positions: [Int]

  /// Lays out the logits for groups of classes.
  public init(groups: CategoryGroups, background: Background = .sigmoid, hasOthers: Bool = true) {
    self.groups = groups
    self.background = background
    self.hasOthers = hasOthers
    let others = hasOthers ? 1 : 0
    var start = Self.backgroundSlice(background).upperBound
    slices = groups.classesByGroup.map { classes in
      defer { start += classes.count + others }
      return start..<start + classes.count + others
    }
    var positions = [Int](repeating: 0, count: groups.classCount)
    for classes in groups.classesByGroup {
      for (position, index) in classes.enumerated() { positions[index] = position + others }
    }
    self.positions = positions
  }

  /// `grouped-sigmoid`, `grouped-official` or `grouped-none`, with `-without-others` where there are none.
  public var name: String { "grouped-\(background.rawValue)" + (hasOthers ? "" : "-without-others") }
  /// The number of foreground classes, C.
  public var classCount: Int { groups.classCount }
  /// G0's logits, the classes, and one `others` a group.
  public var logitCount: Int { backgroundSlice.count + classCount + (hasOthers ? slices.count : 0) }
  /// The logits of G0, which tell background from foreground: two, one or none.
  public var backgroundSlice: Range<Int> { Self.backgroundSlice(background) }
  /// The logits of G0, as a list.
  public var backgroundLogits: [Int] { Array(backgroundSlice) }
  /// `grouped-sigmoid`, …: G0 means the same with and without `others`.
  public var backgroundKind: String { "grouped-\(background.rawValue)" }
  /// The first logit of every foreground group.
  public var othersLogits: [Int] { hasOthers ? slices.map(\.lowerBound) : [] }
  /// The slot of a class in its group.
  public func logit(ofClass index: Int) -> Int {
    slices[groups.members[index].group].lowerBound + positions[index]
  }

  /// score_c = p₀ · p_group(c): the foreground probability times the softmax inside the class's group, `others` dropped
  /// and nothing renormalised (official `gs_bbox_head_with0.py`).
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
        for index in classes { score[index] = foreground * p[positions[index]] }
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
    case .none:
      return 1
    }
  }

  private static func backgroundSlice(_ background: Background) -> Range<Int> {
    switch background {
    case .sigmoid: 0..<1
    case .official: 0..<2
    case .none: 0..<0
    }
  }
}
