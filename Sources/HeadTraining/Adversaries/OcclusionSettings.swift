import HeadLosses

/// What an occluder hides, how it learns it, and how much of it: Wang et al., CVPR 2017, §4.1, and their code,
/// xiaolonw/adversarial-frcnn (`ASDNPretrainDataLayer`, `ASDNDataLayer`, `ASDNLossLayer` and the prototxt files).
struct OcclusionSettings: Sendable, Equatable {
  /// The outputs of each hidden convolution.
  var channels = 256
  /// The side of the windows that are tried while the occluder learns alone, in cells.
  var window = 2
  /// From one window to the next, in cells.
  var stride = 2
  /// The share of the cells outside the hardest window that give a gradient.
  var keptGradient = 0.4
  /// The cells with the highest probability, from which those that are hidden are drawn.
  var candidates = 20
  /// The cells that are hidden.
  var dropped = 15
  /// A mask teaches the occluder where it made the probability of the true class fall by more than this.
  var fall = 0.1
  /// The factor of the occluder's loss while both are trained.
  var lossWeight = 0.0025

  init() {}

  init(_ parameters: MethodParameters) {
    channels = parameters.integer("occluder-channels")
    window = parameters.integer("occluder-window")
    stride = parameters.integer("occluder-stride")
    keptGradient = parameters.number("occluder-kept-gradient")
    candidates = parameters.integer("occluder-candidates")
    dropped = parameters.integer("occluder-dropped")
    fall = parameters.number("occluder-fall")
    lossWeight = parameters.number("occluder-loss-weight")
  }

  /// The parameters as a method declares them, with these settings as defaults.
  var declared: [MethodParameter] {
    [
      .integer("occluder-channels", default: channels, in: 1...4096, "outputs of each of the four convolutions"),
      .integer("occluder-window", default: window, in: 1...64, "the side of the windows tried, in cells of the map"),
      .integer("occluder-stride", default: stride, in: 1...64, "from one window to the next, in cells"),
      .number(
        "occluder-kept-gradient", default: keptGradient, in: 0...1,
        "the share of the cells outside the hardest window that give a gradient"),
      .integer(
        "occluder-candidates", default: candidates, in: 1...4096, "cells of highest probability that may be hidden"),
      .integer("occluder-dropped", default: dropped, in: 1...4096, "how many of them are, drawn at random"),
      .number(
        "occluder-fall", default: fall, in: 0...1,
        "a mask teaches where the probability of the true class fell by more"),
      .number(
        "occluder-loss-weight", default: lossWeight, in: 0...1000, "the factor of its loss while both are trained"),
    ]
  }

  /// Why some values of the parameters do not go together; `nil` where they do.
  static func conflict(_ parameters: MethodParameters) -> String? {
    let settings = OcclusionSettings(parameters)
    guard settings.dropped > settings.candidates else { return nil }
    return "occluder-dropped=\(settings.dropped) cells cannot be drawn from occluder-candidates=\(settings.candidates)"
  }

  /// Why maps of a size cannot be occluded so, in one line; `nil` where they can.
  func fault(height: Int, width: Int) -> String? {
    if candidates > height * width {
      return "the occluder chooses among \(candidates) cells; a map of \(height) × \(width) has \(height * width)"
    }
    if window > min(height, width) {
      return "the occluder's windows are \(window) cells wide and high; the maps are \(height) × \(width)"
    }
    return nil
  }
}
