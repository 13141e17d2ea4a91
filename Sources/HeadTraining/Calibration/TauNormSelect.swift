import DenseLinearAlgebra
import DetectionHeads
import HeadLosses

extension LinearHead {
  /// The head with τ-normed scores for tail classes alone (τ-norm-select; BAGS `test_mixins.py`): a RoI takes them where
  /// the τ-normed classifier finds a tail class most likely and the plain one something other than background.
  ///
  /// It holds its rows twice, plain and τ-normed, so it is no ordinary softmax layer any more.
  ///
  /// - Parameters:
  ///   - tau: τ.
  ///   - limit: A class with fewer training instances is of the tail.
  /// - Throws: `LinearHeadError` if it is no softmax head, or no class is of the tail.
  public func tauSelected(tau: Double, tailBelow limit: Int = 100) throws -> LinearHead {
    guard layout is SoftmaxLayout else {
      throw LinearHeadError(
        .unsupported, "τ-norm-select chooses between two softmax classifiers; this is a \(layout.name) head")
    }
    let isTail = groups.members.map { $0.instanceCount < limit }
    guard isTail.contains(true) else {
      throw LinearHeadError(.badSetting, "no class has fewer than \(limit) training instances; raise tail-below")
    }
    let normed = try tauNormalized(tau: tau)
    return try LinearHead(
      weight: Matrix(rows: 2 * weight.rows, columns: inputs, values: weight.storage + normed.weight.storage),
      bias: bias + bias, layout: TauSelectLayout(isTail: isTail), groups: groups, method: method)
  }
}

extension CalibrationMethod {
  /// The calibration `tau-norm-select` (Li et al., CVPR 2020, table 1).
  public static let tauNormSelect = CalibrationMethod(
    name: "tau-norm-select", summary: "τ-normed scores where they find a tail class on what is no background",
    source: "Li et al., CVPR 2020", parameters: [.tau, .tailBelow],
    work: .formula { head, parameters, _ in
      try head.tauSelected(tau: parameters.number("tau"), tailBelow: parameters.integer("tail-below"))
    })
}
