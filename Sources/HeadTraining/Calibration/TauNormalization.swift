import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import RealModule

/// τ-normalisation (Kang et al., ICLR 2020, eq. 6; classifier-balancing `tau_norm.py`): each row w becomes w / ‖w‖^τ.
///
/// τ 0 changes nothing, τ 1 makes all rows one long. A row of zeros stays as it is, where the official code divides 0
/// by 0.
///
/// - Parameters:
///   - weight: [K, D].
///   - rows: The rows to normalise.
///   - tau: τ.
/// - Returns: [K, D].
public func tauNormalized<Scalar: DenseScalar>(
  _ weight: Matrix<Scalar>, rows: some Sequence<Int>, tau: Double
) -> Matrix<Scalar> {
  var weight = weight
  let norms = weight.rowNorms
  let columns = weight.columns
  weight.withUnsafeMutableValues { values in
    for row in rows where norms[row] > 0 {
      let factor = Double.pow(norms[row], -tau)
      for index in row * columns..<(row + 1) * columns { values[index] = Scalar(Double(values[index]) * factor) }
    }
  }
  return weight
}

extension LinearHead {
  /// The head with its class rows τ-normalised: an ordinary head of the same layout.
  ///
  /// Background's row and all biases stay as they are, as in BAGS's `test_lvis_tnorm.py`; the classification code of Kang
  /// et al. has no background and drops the biases.
  ///
  /// - Parameter tau: τ.
  /// - Throws: `LinearHeadError` for a layout whose class rows are not scored against each other by length.
  public func tauNormalized(tau: Double) throws -> LinearHead {
    guard layout is SoftmaxLayout || layout is SigmoidLayout || layout is SeesawLayout else {
      throw LinearHeadError(
        .unsupported,
        "τ-norm evens out the rows of one linear classifier over all classes; a \(layout.name) head has none")
    }
    var head = self
    let classRows = (0..<layout.classCount).map { layout.logit(ofClass: $0) }
    head.weight = HeadTraining.tauNormalized(weight, rows: classRows, tau: tau)
    return head
  }
}

extension CalibrationMethod {
  /// The calibration `tau-norm`, τ-normalisation (Kang et al., ICLR 2020).
  public static let tauNorm = CalibrationMethod(
    name: "tau-norm", summary: "each class row divided by its norm to the power of τ", source: "Kang et al., ICLR 2020",
    parameters: [.tau],
    work: .formula { head, parameters, _ in try head.tauNormalized(tau: parameters.number("tau")) })
}
