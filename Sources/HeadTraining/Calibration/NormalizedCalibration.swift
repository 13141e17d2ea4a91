import DetectionHeads
import HeadLosses
import RealModule

/// log(factor) of every class in normalised calibration, NorCal (Pan et al., NeurIPS 2021, eq. 4; tydpan/NorCal
/// `roi_heads.py`, `exps` with renormalising): exp(z_c) / m_c^γ on foreground, background as it is, then all
/// renormalised.
///
/// That is the softmax of z_c − γ log m_c, so it goes into the biases. A class without images counts as one, where the
/// official code gives no number.
///
/// - Parameters:
///   - imageCounts: m_c: training images, not instances.
///   - gamma: γ; 0 changes nothing.
/// - Returns: What is added to the logit of every class.
public func normalizedCalibrationShifts(imageCounts: [Int], gamma: Double) -> [Double] {
  imageCounts.map { -gamma * Double.log(Double(max(1, $0))) }
}

extension LinearHead {
  /// The head calibrated by the image counts of its classes: an ordinary softmax head with other biases.
  ///
  /// - Parameter gamma: γ.
  /// - Throws: `LinearHeadError` if it is no softmax head.
  public func normalizedCalibrated(gamma: Double) throws -> LinearHead {
    guard layout is SoftmaxLayout else {
      throw LinearHeadError(
        .unsupported, "NorCal renormalises one softmax over background and all classes; a \(layout.name) head has none")
    }
    var head = self
    let shifts = normalizedCalibrationShifts(imageCounts: groups.members.map(\.imageCount), gamma: gamma)
    for (index, shift) in shifts.enumerated() { head.bias[layout.logit(ofClass: index)] += Float(shift) }
    return head
  }
}

extension CalibrationMethod {
  /// The calibration `norcal`, normalised calibration (Pan et al., NeurIPS 2021).
  public static let norCal = CalibrationMethod(
    name: "norcal", summary: "foreground scores divided by image counts to the power of γ, then renormalised",
    source: "Pan et al., NeurIPS 2021",
    parameters: [.number("gamma", default: 0.6, in: 0...10, "γ: 0 changes nothing")],
    work: .formula { head, parameters, _ in try head.normalizedCalibrated(gamma: parameters.number("gamma")) })
}
