/// The product of features and weight rows that gives the logits.
public enum LogitProduct: Sendable, Equatable {
  /// Linear logits, x Wᵀ + b.
  case linear
  /// Cosines cos(x, w) for each row w of W; there is no bias.
  case cosine
  /// Scaled cosines T cos(x, w) + b for each row w of W, the lengths taken with 1e-6 added.
  case normed(temperature: Float)
  /// Linear logits for the first rows, cosines for the others.
  case linearThenCosine(linear: Int)
}

/// Maps the logits of a head to classes, and turns them into class scores.
///
/// Classes are indexed 0..<C by ascending category id. Shapes: N RoIs, K logits, C foreground classes. A layout of
/// one's own is registered with ``LogitLayouts``, so that head files of it can be read.
public protocol LogitLayout: Sendable {
  /// The name that head files carry; no two layouts have the same.
  var name: String { get }
  /// C, the number of foreground classes.
  var classCount: Int { get }
  /// K, the number of logits: the rows of the last layer's weight.
  var logitCount: Int { get }
  /// The logit of a class, by its index 0..<C.
  func logit(ofClass index: Int) -> Int
  /// The logits that tell background from foreground; empty where none does.
  var backgroundLogits: [Int] { get }
  /// A word that two layouts share whose background logits mean the same, so that a head of one can start from the
  /// other's. It is the name, unless a layout says otherwise.
  var backgroundKind: String { get }
  /// The `others` logits, one a group; empty, unless a layout has groups.
  var othersLogits: [Int] { get }
  /// The number S of classifiers of a cascade whose logits stand one after another; 1, unless a layout says otherwise.
  var stageCount: Int { get }
  /// The number of classifiers whose logits stand one after another: the stages of a cascade, or the anchors of a
  /// location; that of the stages, unless a layout says otherwise.
  var classifierCount: Int { get }
  /// The factor by which scoring multiplies a logit: a head of another layout starts with rows divided by it. It is 1,
  /// unless a layout says otherwise.
  func scale(ofLogit logit: Int) -> Float
  /// The product that gives the logits; linear, unless a layout says otherwise.
  var product: LogitProduct { get }
  /// The numbers that scoring needs beside the logits, by the names under which head files keep them behind `layout.`;
  /// none, unless a layout says otherwise.
  var tensors: [String: [Float]] { get }

  /// The layout with the numbers that a head file keeps for it.
  ///
  /// - Parameter tensors: The numbers, by name, as `tensors` gave them.
  /// - Throws: `LinearHeadError` if something is missing or does not fit.
  func with(tensors: [String: [Float]]) throws -> any LogitLayout

  /// Turns logits into foreground scores.
  ///
  /// - Parameters:
  ///   - logits: [count, K]; overwritten.
  ///   - count: N.
  ///   - scores: [count, C], overwritten.
  func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>)
}

extension LogitLayout {
  /// No logits, as in a layout without groups.
  public var othersLogits: [Int] { [] }
  /// One classifier, as of heads without a cascade.
  public var stageCount: Int { 1 }
  /// One for each stage.
  public var classifierCount: Int { stageCount }
  /// The layout's name: its background logits mean the same as those of no other layout.
  public var backgroundKind: String { name }
  /// The factor 1, as of logits that scoring takes as they are.
  public func scale(ofLogit logit: Int) -> Float { 1 }
  /// Linear logits, x Wᵀ + b.
  public var product: LogitProduct { .linear }
  /// No numbers beside the logits.
  public var tensors: [String: [Float]] { [:] }
  /// The same layout, since head files keep nothing for it.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout { self }
}
