import DenseLinearAlgebra
import DetectionHeads
import TensorFiles

/// The last layers of a detector: the classifier and, where it is at hand, the box regressor.
public struct DetectorHead: Sendable {
  /// The classifier of the last layer.
  public var classifier: LinearHead
  /// The box regressor; `nil` where there is none.
  public var regressor: BoxRegressor?
  /// The type in which its numbers are stored: F32, F16 or BF16.
  public var elementType: TensorElementType
  /// The places of the rows of the detector's classifier that are no category, which this head therefore does not have;
  /// empty where it was read from no detector's file.
  public internal(set) var otherRows: [Int] = []

  /// Puts the layers together.
  ///
  /// - Throws: `ModelExportError` if the classifier is more than one layer, or they take features of different lengths.
  public init(classifier: LinearHead, regressor: BoxRegressor? = nil, elementType: TensorElementType = .float32) throws
  {
    guard classifier.layout.anchorsPerLocation == nil else {
      throw ModelExportError(.unsupported, "a dense head is a convolution, not a linear layer for RoIs")
    }
    guard classifier.hidden.isEmpty, classifier.layout.stageCount == 1 else {
      throw ModelExportError(
        .unsupported,
        "a head with hidden layers, or with the classifiers of several stages, is no single layer; such heads are not "
          + "converted")
    }
    if let regressor, regressor.inputs != classifier.inputs {
      throw ModelExportError(
        .wrongShape, "the box regressor takes \(regressor.inputs) features, the classifier \(classifier.inputs)")
    }
    self.classifier = classifier
    self.regressor = regressor
    self.elementType = elementType
  }
}

extension LinearHead {
  /// The same function with G0 as the official code has it, `[background, foreground]`: z₀ is the foreground's logit and
  /// background's is 0. A head that has it so, or has no such G0, is returned as it is.
  func withOfficialBackground() throws -> LinearHead {
    guard let layout = layout as? GroupedLayout, layout.background == .sigmoid else { return self }
    return try LinearHead(
      weight: Matrix(
        rows: weight.rows + 1, columns: inputs, values: [Float](repeating: 0, count: inputs) + weight.storage),
      bias: [0] + bias,
      layout: GroupedLayout(groups: groups, background: .official, hasOthers: layout.hasOthers), groups: groups,
      method: method)
  }

  /// The same function with one logit for G0: z₀ = z_foreground − z_background. A head that has it so, or has no such G0,
  /// is returned as it is.
  func withSigmoidBackground() throws -> LinearHead {
    guard let layout = layout as? GroupedLayout, layout.background == .official else { return self }
    let foreground = zip(weight.row(1), weight.row(0)).map { $0 - $1 }
    return try LinearHead(
      weight: Matrix(
        rows: weight.rows - 1, columns: inputs, values: foreground + weight.storage.dropFirst(2 * inputs)),
      bias: [bias[1] - bias[0]] + bias.dropFirst(2),
      layout: GroupedLayout(groups: groups, background: .sigmoid, hasOthers: layout.hasOthers), groups: groups,
      method: method)
  }
}
