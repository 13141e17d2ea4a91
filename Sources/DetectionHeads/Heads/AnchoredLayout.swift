/// The logits of the A anchors of a location, one anchor after another, each laid out alike: channel a · K + k of a dense
/// detector's classification layer is logit k of anchor a.
///
/// Shapes: A anchors a location, K logits an anchor, C foreground classes. [N, A · K] reads as [N · A, K]. The layer below
/// is a 3 × 3 convolution: a row of its weight is a patch of 9 D numbers.
public struct AnchoredLayout: LogitLayout {
  /// The layout of every anchor's logits.
  public let base: any LogitLayout
  /// The number A of anchors of a location.
  public let anchorCount: Int

  /// Makes a layout of `anchorCount` classifiers, each laid out as `base`.
  ///
  /// - Precondition: There is at least one anchor.
  public init(_ base: any LogitLayout, anchorCount: Int) {
    precondition(anchorCount > 0, "a location has one anchor or more")
    self.base = base
    self.anchorCount = anchorCount
  }

  /// The name of the anchors' layout, which head files carry.
  public var name: String { base.name }
  /// The number C of foreground classes.
  public var classCount: Int { base.classCount }
  /// The number of logits of all anchors, A · K.
  public var logitCount: Int { anchorCount * base.logitCount }
  /// The logit of a class of the first anchor.
  public func logit(ofClass index: Int) -> Int { base.logit(ofClass: index) }
  /// The logits of background of the first anchor.
  public var backgroundLogits: [Int] { base.backgroundLogits }
  /// The word of the anchors' layout.
  public var backgroundKind: String { base.backgroundKind }
  /// The `others` logits of all anchors.
  public var othersLogits: [Int] {
    (0..<anchorCount).flatMap { anchor in base.othersLogits.map { anchor * base.logitCount + $0 } }
  }
  /// The number of classifiers, one for each anchor.
  public var classifierCount: Int { anchorCount }
  /// The factor by which the layout of an anchor multiplies the logit.
  public func scale(ofLogit logit: Int) -> Float { base.scale(ofLogit: logit % base.logitCount) }
  /// The numbers that the layout of an anchor needs beside the logits.
  public var tensors: [String: [Float]] { base.tensors }

  /// The scores of every anchor, [count · A, C].
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    base.scores(logits: logits, count: count * anchorCount, into: scores)
  }
}

extension LogitLayout {
  /// The layout for as many anchors as another is for, where it is for any.
  package func anchored(like other: any LogitLayout) -> any LogitLayout {
    (other as? AnchoredLayout).map { AnchoredLayout(self, anchorCount: $0.anchorCount) } ?? self
  }

  /// The layout of one anchor's logits; of a head for RoIs or queries itself.
  package var ofOneAnchor: any LogitLayout { (self as? AnchoredLayout)?.base ?? self }

  /// The number A of anchors of a location, where the layout is of a dense head; `nil` where it is of one for RoIs or queries.
  public var anchorsPerLocation: Int? { (self as? AnchoredLayout)?.anchorCount }
}
