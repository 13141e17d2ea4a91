import DetectionHeads
import HeadLosses

extension LinearHead {
  /// The head with the classes of an example competing: each score times softmax(z)_c^κ over the classes; see
  /// ``CompetingSigmoidLayout``. It keeps its rows, so post-hoc adjustment may go before it or behind; z − τ log π_c in
  /// place of z is the two together.
  ///
  /// - Parameters:
  ///   - exponent: κ: 0 changes nothing.
  ///   - tau: τ of the adjustment; 0 for none.
  /// - Throws: `LinearHeadError` if it is no head with a sigmoid for each class.
  public func competing(exponent: Double, tau: Double = 0) throws -> LinearHead {
    guard let sigmoid = layout.unnormed as? SigmoidLayout else {
      throw LinearHeadError(
        .unsupported,
        "competition is for heads with a sigmoid for each class; the classes of a \(layout.name) head compete in a softmax "
          + "already")
    }
    let competing = CompetingSigmoidLayout(base: sigmoid, exponent: Float(exponent))
    let adjusted = tau == 0 ? self : try logitAdjusted(tau: tau)
    return try LinearHead(
      weight: weight, bias: adjusted.bias, hidden: hidden, layout: competing.normed(like: layout), groups: groups,
      method: method)
  }
}

extension CalibrationMethod {
  /// The calibration `competition`, this project's own, of heads with a sigmoid for each class.
  public static let competition = CalibrationMethod(
    name: "competition", summary: "σ(z) times a power of the softmax over the classes, so that they compete",
    source: "the adjustment by Menon et al., ICLR 2021; the competition is this project's own",
    parameters: [
      .number("exponent", default: 0.25, in: 0...10, "κ: 0 changes nothing, 1 multiplies by the softmax"),
      .number("tau", default: 0, in: 0...10, "τ: the logits are adjusted first, z − τ log π_c; 0 for not"),
    ],
    work: .formula { head, parameters, _ in
      try head.competing(exponent: parameters.number("exponent"), tau: parameters.number("tau"))
    })
}
