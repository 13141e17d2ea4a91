import DetectionHeads
import HeadLosses

extension LinearHead {
  /// The head with a number added to the logit of every class: an ordinary head of the same layout with other biases.
  /// Background stays as it is.
  ///
  /// - Parameters:
  ///   - shifts: What is added to the logit of every class [C].
  ///   - method: The name of the calibration, for errors.
  /// - Throws: `LinearHeadError` for a layout whose classes have no logits that are scored against each other.
  package func shiftingClasses(by shifts: [Double], for method: String) throws -> LinearHead {
    let scales: [Float]
    switch layout.unnormed {
    case is SoftmaxLayout, is SigmoidLayout, is ShiftedSigmoidLayout, is CompetingSigmoidLayout, is SeesawLayout:
      scales = Array(repeating: 1, count: layout.logitCount)
    case let scaled as ScaledLayout: scales = scaled.scales
    default:
      throw LinearHeadError(
        .unsupported,
        "\(method) shifts the logits of one softmax over all classes, or of a sigmoid per class; a \(layout.name) head "
          + "has none")
    }
    var head = self
    for (index, shift) in shifts.enumerated() {
      let row = layout.logit(ofClass: index)
      // A logit whose scale is 0 says nothing whatever is added to it.
      if scales[row] != 0 { head.bias[row] += Float(shift) / scales[row] }
    }
    return head
  }
}
