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
  /// The `others` logits, one a group where there are any.
  var othersLogits: [Int] { get }

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
}
