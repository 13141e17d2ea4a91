import DenseLinearAlgebra

/// The last layer of a detector's classifier: logits = x Wᵀ + b, or cosines where the layout says so.
///
/// Shapes: D features a RoI, K logits as the layout has them, C foreground classes.
public struct LinearHead: Sendable {
  /// W [K, D].
  public var weight: Matrix<Float>
  /// b [K].
  public var bias: [Float]
  /// What the K logits speak of.
  public internal(set) var layout: any LogitLayout
  /// The classes by ascending category id, with their training counts and groups.
  public let groups: CategoryGroups
  /// The method that trained it, such as `bags` or `softmax`.
  public var method: String

  /// Makes a head from its weights.
  ///
  /// - Throws: `LinearHeadError` if the shapes do not fit the layout, or the layout the groups.
  public init(
    weight: Matrix<Float>, bias: [Float], layout: any LogitLayout, groups: CategoryGroups, method: String
  ) throws {
    guard layout.classCount == groups.classCount else {
      throw LinearHeadError("the layout has \(layout.classCount) classes, the groups have \(groups.classCount)")
    }
    guard weight.rows == layout.logitCount, bias.count == layout.logitCount else {
      throw LinearHeadError(
        "\(weight.rows) weight rows and \(bias.count) biases do not fit the \(layout.logitCount) logits of the "
          + "\(layout.name) layout for \(layout.classCount) classes")
    }
    self.weight = weight
    self.bias = bias
    self.layout = layout
    self.groups = groups
    self.method = method
  }

  /// A fresh head: weights drawn from N(0, σ), biases 0, as the official recipe starts.
  public init(
    inputs: Int, layout: any LogitLayout, groups: CategoryGroups, method: String, deviation: Double = 0.01,
    using generator: inout some RandomNumberGenerator
  ) {
    let count = layout.logitCount * inputs
    let values = (0..<count).map { _ in Float(deviation * standardNormal(using: &generator)) }
    weight = Matrix(rows: layout.logitCount, columns: inputs, values: values)
    bias = Array(repeating: 0, count: layout.logitCount)
    self.layout = layout
    self.groups = groups
    self.method = method
  }

  /// D, the length of a feature.
  public var inputs: Int { weight.columns }

  /// ‖w_c‖₂ of every class, by class index; 1 where logits are cosines, since the length has no effect there.
  public var classWeightNorms: [Double] {
    if layout.product == .cosine { return Array(repeating: 1, count: layout.classCount) }
    let norms = weight.rowNorms
    return (0..<layout.classCount).map { norms[layout.logit(ofClass: $0)] }
  }

  /// Foreground scores of RoIs.
  ///
  /// - Parameter features: [N, D].
  /// - Returns: [N, C].
  public func scores(for features: Matrix<Float>) -> Matrix<Float> {
    var logits = Matrix<Float>(rows: features.rows, columns: layout.logitCount)
    var scores = Matrix<Float>(rows: features.rows, columns: layout.classCount)
    features.withUnsafeValues { x in
      logits.withUnsafeMutableValues { z in
        scores.withUnsafeMutableValues { s in
          guard let x = x.baseAddress, let z = z.baseAddress, let s = s.baseAddress else { return }
          self.logits(features: x, count: features.rows, into: z)
          layout.scores(logits: z, count: features.rows, into: s)
        }
      }
    }
    return scores
  }

  /// The logits of RoIs.
  ///
  /// - Parameters:
  ///   - features: [count, D].
  ///   - count: N.
  ///   - logits: [count, K], overwritten.
  public func logits(features: UnsafePointer<Float>, count: Int, into logits: UnsafeMutablePointer<Float>) {
    weight.withUnsafeValues { weight in
      guard let weight = weight.baseAddress else { return }
      linearLogits(features: features, count: count, inputs: inputs, weight: weight, bias: bias, into: logits)
      let cosines = cosineLogits
      if cosines.isEmpty { return }
      let factors = cosines.map { inverseNorm(weight + $0 * inputs, inputs) }
      for row in 0..<count {
        let factor = inverseNorm(features + row * inputs, inputs)
        let z = logits + row * bias.count
        for (column, ofColumn) in zip(cosines, factors) { z[column] = (z[column] - bias[column]) * factor * ofColumn }
      }
    }
  }

  /// The logits that are cosines.
  private var cosineLogits: Range<Int> {
    switch layout.product {
    case .linear: bias.count..<bias.count
    case .cosine: 0..<bias.count
    case .linearThenCosine(let linear): linear..<bias.count
    }
  }

  /// Copies the class rows of another head, and its background where both lay it out the same way, into this one's
  /// slots; the rest stays as it is. A softmax head's background row has no place in a G0 of another kind.
  ///
  /// - Throws: `LinearHeadError` if the two differ in feature length or classes.
  public mutating func copyClasses(from other: LinearHead) throws {
    guard inputs == other.inputs else {
      throw LinearHeadError("it takes \(other.inputs) features, \(inputs) are expected")
    }
    guard groups.members.map(\.id) == other.groups.members.map(\.id) else {
      throw LinearHeadError(
        "its \(other.groups.classCount) categories are not the \(groups.classCount) that are trained")
    }
    for index in 0..<layout.classCount {
      copyRow(other.layout.logit(ofClass: index), of: other, to: layout.logit(ofClass: index))
    }
    if layout.backgroundKind == other.layout.backgroundKind {
      for (row, source) in zip(layout.backgroundLogits, other.layout.backgroundLogits) {
        copyRow(source, of: other, to: row)
      }
    }
  }

  private mutating func copyRow(_ source: Int, of other: LinearHead, to row: Int) {
    for column in 0..<inputs { weight[row, column] = other.weight[source, column] }
    if layout.product == .linear { bias[row] = other.bias[source] }
  }
}

/// A head that does not fit.
public struct LinearHeadError: Error, CustomStringConvertible {
  /// One line that says what is wrong.
  public let description: String
  init(_ description: String) { self.description = description }
}
