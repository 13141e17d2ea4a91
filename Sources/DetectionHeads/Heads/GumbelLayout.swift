import RealModule

/// A Gumbel activation per class, exp(−exp(−z)) in place of the sigmoid (Alexandridis et al., ECCV 2022; kostas1515/GOL
/// `droploss.py`, `get_activation`): the logits of the classes by ascending category id, none for background.
public struct GumbelLayout: LogitLayout, Equatable {
  /// C, the number of foreground classes.
  public let classCount: Int

  /// Makes a layout for C foreground classes.
  public init(classCount: Int) { self.classCount = classCount }

  /// The name `gumbel`, by which head files know the layout.
  public var name: String { "gumbel" }
  /// The number of logits, one for each of the C classes.
  public var logitCount: Int { classCount }
  /// The logit of a class, which stands at the class's own place.
  public func logit(ofClass index: Int) -> Int { index }
  /// No logits: background is where no class scores.
  public var backgroundLogits: [Int] { [] }

  /// exp(−exp(−z)) of every class.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    for index in 0..<count * classCount { scores[index] = .exp(-.exp(-logits[index])) }
  }
}
