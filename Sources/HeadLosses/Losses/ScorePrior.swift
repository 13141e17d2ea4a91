import DetectionHeads
import RealModule

extension LinearHead {
  /// Sets the biases of the classes to b = −log((1 − π) / π), so that a zero feature scores π (Lin et al., ICCV 2017,
  /// §3.3 and §4.1).
  mutating func setBiases(toPrior prior: Double) {
    let value = Float(-Double.log((1 - prior) / prior))
    for index in 0..<layout.classCount { bias[layout.logit(ofClass: index)] = value }
  }
}

extension MethodParameter {
  /// π, the score that classes start from.
  static func prior(_ value: Double) -> MethodParameter {
    .number("prior", default: value, in: 1e-6...0.999999, "π: the score that every class starts from, by its bias")
  }
}
