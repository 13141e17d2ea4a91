import HeadLosses

/// What is trained in a step of a training with an adversary.
package enum AdversaryStage: Sendable {
  /// The head, on features as they are.
  case head
  /// The adversary, against the head as it is.
  case adversary
  /// Both, the head on what the adversary makes of the features.
  case both
}

/// The three stages of A-Fast-RCNN: the head alone, the adversary alone, both together.
///
/// The code has 10,000, 25,000 and 40,000 iterations (`experiments/scripts`); shares of the steps stand for them here.
package struct AdversarySchedule: Sendable, Equatable {
  /// The share of the steps in which the head is trained alone.
  var headShare = 0.1333
  /// The share of the steps in which the adversary is trained alone.
  var adversaryShare = 0.3333
  /// The adversary's learning rate.
  var rate = 0.001

  package init() {}

  init(_ parameters: MethodParameters) {
    headShare = parameters.number("head-share")
    adversaryShare = parameters.number("adversary-share")
    rate = parameters.number("adversary-rate")
  }

  /// The parameters as a method declares them, with these values as defaults.
  var declared: [MethodParameter] {
    [
      .number("head-share", default: headShare, in: 0...1, "the share of the steps that train the head alone"),
      .number(
        "adversary-share", default: adversaryShare, in: 0...1,
        "the share of the steps after them that train the adversary alone"),
      .number("adversary-rate", default: rate, in: 1e-9...1000, "the adversary's learning rate"),
    ]
  }

  /// Why some values of the parameters do not go together; `nil` where they do.
  static func conflict(_ parameters: MethodParameters) -> String? {
    let schedule = AdversarySchedule(parameters)
    guard schedule.headShare + schedule.adversaryShare > 1 else { return nil }
    return "head-share=\(schedule.headShare) and adversary-share=\(schedule.adversaryShare) are more than 1 together"
  }

  /// The first step of the adversary's own stage, and the one after its last.
  private func bounds(of stepCount: Int) -> Range<Int> {
    let first = Int((headShare * Double(stepCount)).rounded())
    let end = Int(((headShare + adversaryShare) * Double(stepCount)).rounded())
    return first..<max(first, min(end, stepCount))
  }

  /// Whether a step is the first in which the adversary takes part.
  func isFirst(step: Int, of stepCount: Int) -> Bool { step == bounds(of: stepCount).lowerBound }

  /// What is trained in a step of a training of so many.
  package func stage(atStep step: Int, of stepCount: Int) -> AdversaryStage {
    let own = bounds(of: stepCount)
    return step < own.lowerBound ? .head : own.contains(step) ? .adversary : .both
  }

  /// The adversary's rate: a tenth in the last fifth of its own stage, as the code has it; in the last stage it falls
  /// with the head's.
  ///
  /// - Parameters:
  ///   - step: The step.
  ///   - stepCount: The steps of the whole training.
  ///   - headShare: The head's rate of this step, as a share of its base rate.
  package func rate(atStep step: Int, of stepCount: Int, headShare: Double) -> Double {
    let own = bounds(of: stepCount)
    if step >= own.upperBound { return rate * headShare }
    return 5 * (step - own.lowerBound) < 4 * own.count ? rate : rate / 10
  }
}
