/// A layout on a normed linear layer: logits are T cos(x, w) + b instead of x · w + b (mmdetection `NormedLinear`, which the
/// authors of Seesaw, ECM and FRACAL use): the length of a row, which grows with a class's instances, has no effect.
///
/// x and w are divided by their length plus 1e-6, as mmdetection does.
public struct NormedLayout: LogitLayout {
  /// What the logits speak of.
  public let base: any LogitLayout
  /// T, the temperature.
  public let temperature: Float

  /// T where nothing else is said: mmdetection's.
  public static let usualTemperature: Float = 20
  /// What is added to a length before it divides.
  package static let epsilon: Float = 1e-6

  /// Puts a layout on a normed linear layer.
  ///
  /// - Parameters:
  ///   - base: The layout, of a linear layer.
  ///   - temperature: T, above 0.
  public init(_ base: any LogitLayout, temperature: Float = NormedLayout.usualTemperature) {
    self.base = base
    self.temperature = temperature
  }

  /// `normed-` and the name of the layout.
  public var name: String { "normed-\(base.name)" }
  /// The number C of foreground classes of the layout that is normed.
  public var classCount: Int { base.classCount }
  /// The number K of logits, that of the layout that is normed.
  public var logitCount: Int { base.logitCount }
  /// The layout's own.
  public func logit(ofClass index: Int) -> Int { base.logit(ofClass: index) }
  /// The layout's own.
  public var backgroundLogits: [Int] { base.backgroundLogits }
  /// The layout's own.
  public var backgroundKind: String { base.backgroundKind }
  /// The layout's own.
  public var othersLogits: [Int] { base.othersLogits }
  /// The layout's own.
  public func scale(ofLogit logit: Int) -> Float { base.scale(ofLogit: logit) }
  /// Cosines times T, with biases.
  public var product: LogitProduct { .normed(temperature: temperature) }
  /// The layout's own, and T.
  public var tensors: [String: [Float]] { base.tensors.merging([Self.key: [temperature]]) { own, _ in own } }

  /// The layout with the T of a head file, and what the file keeps for the layout beneath.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout {
    guard let values = tensors[Self.key], values.count == 1, values[0].isFinite, values[0] > 0 else {
      throw LinearHeadError(.badValue, "layout.\(Self.key) must be one number above 0")
    }
    return NormedLayout(
      try base.with(tensors: tensors.filter { $0.key != Self.key }), temperature: values[0])
  }

  /// The layout's own.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    base.scores(logits: logits, count: count, into: scores)
  }

  private static let key = "temperature"
}

extension LogitLayout {
  /// What the logits speak of, whatever layer they come from.
  package var unnormed: any LogitLayout { (self as? NormedLayout)?.base ?? self }

  /// The layout on the same kind of layer as another.
  package func normed(like other: any LogitLayout) -> any LogitLayout {
    (other as? NormedLayout).map { NormedLayout(self, temperature: $0.temperature) } ?? self
  }
}
