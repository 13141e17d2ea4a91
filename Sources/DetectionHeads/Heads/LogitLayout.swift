/// How logits come from features.
public enum LogitProduct: Sendable, Equatable {
  /// x Wᵀ + b.
  case linear
  /// cos(x, w) for each row w of W; there is no bias.
  case cosine
  /// T cos(x, w) + b for each row w of W, the lengths taken with 1e-6 added.
  case normed(temperature: Float)
  /// x Wᵀ + b for the first rows, cosines for the others.
  case linearThenCosine(linear: Int)
}

/// What each logit of a head speaks of, and how logits become class scores.
///
/// Classes are indexed 0..<C by ascending category id. Shapes: N RoIs, K logits, C foreground classes.
public protocol LogitLayout: Sendable {
  /// The name that head files carry.
  var name: String { get }
  /// C, the number of foreground classes.
  var classCount: Int { get }
  /// K, the number of logits: the rows of the last layer's weight.
  var logitCount: Int { get }
  /// The logit of a class.
  func logit(ofClass index: Int) -> Int
  /// The logits that tell background from foreground.
  var backgroundLogits: [Int] { get }
  /// Layouts that answer the same here have background logits that mean the same, so that a head of one can start from
  /// the other's. The name, unless a layout says otherwise.
  var backgroundKind: String { get }
  /// The `others` logits, one a group where there are any.
  var othersLogits: [Int] { get }
  /// S, the classifiers of a cascade whose logits stand one after another; 1, unless a layout says otherwise.
  var stageCount: Int { get }
  /// What scoring multiplies a logit by: a head of another layout starts with rows divided by it. 1, unless a layout says
  /// otherwise.
  func scale(ofLogit logit: Int) -> Float
  /// How logits come from features; linear, unless a layout says otherwise.
  var product: LogitProduct { get }
  /// What scoring needs beside the logits, by name, as head files keep it; nothing, unless a layout says otherwise.
  var tensors: [String: [Float]] { get }

  /// The layout with what a head file keeps for it.
  ///
  /// - Parameter tensors: What `tensors` gave.
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
  /// None, unless a layout has groups.
  public var othersLogits: [Int] { [] }
  /// One.
  public var stageCount: Int { 1 }
  /// The name.
  public var backgroundKind: String { name }
  /// 1.
  public func scale(ofLogit logit: Int) -> Float { 1 }
  /// Linear.
  public var product: LogitProduct { .linear }
  /// Nothing.
  public var tensors: [String: [Float]] { [:] }
  /// Itself.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout { self }
}
