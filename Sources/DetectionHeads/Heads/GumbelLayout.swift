import RealModule

/// A Gumbel activation per class, exp(−exp(−z)) in place of the sigmoid (Alexandridis et al., ECCV 2022; kostas1515/GOL
/// `droploss.py`, `get_activation`): the logits of the classes by ascending category id, none for background.
public struct GumbelLayout: LogitLayout, Equatable {
  /// C, the number of foreground classes.
  public let classCount: Int

  /// Makes a layout for C foreground classes.
  public init(classCount: Int) { self.classCount = classCount }

  /// `gumbel`.
  public var name: String { "gumbel" }
  /// C.
  public var logitCount: Int { classCount }
  /// The class's place.
  public func logit(ofClass index: Int) -> Int { index }
  /// None.
  public var backgroundLogits: [Int] { [] }

  /// exp(−exp(−z)) of every class.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    for index in 0..<count * classCount { scores[index] = .exp(-.exp(-logits[index])) }
  }
}
