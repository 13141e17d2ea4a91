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

extension LinearHead {
  /// π, the share of anchors that a fresh dense head takes for foreground (Lin et al., ICCV 2017, §4.1).
  package static let anchorPrior = 0.01

  /// Sets the biases of background so that a zero feature is foreground with the probability π, in layouts that tell
  /// background from foreground by logits of their own: G0 of balanced group softmax, background of one softmax, its class
  /// logits at 0. Others stay as they are.
  package mutating func setBackground(toPrior prior: Double) {
    let logOdds = Float(Double.log((1 - prior) / prior))
    switch layout {
    case let grouped as GroupedLayout:
      switch grouped.background {
      case .sigmoid: bias[grouped.backgroundSlice.lowerBound] = -logOdds
      case .official: bias[grouped.backgroundSlice.lowerBound] = logOdds
      case .none: break
      }
    case is SoftmaxLayout:
      bias[0] = logOdds + Float(Double.log(Double(max(1, layout.classCount))))
    default: break
    }
  }
}

extension MethodParameter {
  /// π, the score that classes start from.
  static func prior(_ value: Double) -> MethodParameter {
    .number("prior", default: value, in: 1e-6...0.999999, "π: the score that every class starts from, by its bias")
  }
}
