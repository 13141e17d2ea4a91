import ArgumentParser
import BalancedGroupSoftmax
import Foundation

/// Values of a parameter to try on held-out training images.
struct SweepOptions: ParsableArguments {
  @Option(
    help: .init(
      "Values of a parameter to try, such as tau=0:1:.1, both ends included; the best by AP on held-out training images "
        + "is taken.", valueName: "name=first:last:step"))
  var sweep: SweepRange?

  @Option(help: .init("The share of the training images that a sweep holds out.", valueName: "share"))
  var heldOut = 0.2

  func validate() throws {
    guard heldOut > 0 && heldOut < 1 else { throw ValidationError("--held-out must be above 0 and below 1") }
  }

  /// - Throws: `ValidationError` if the method cannot take a value of the sweep, or it was given too.
  func check(_ method: CalibrationMethod, given: [String: String]) throws {
    guard let sweep else { return }
    guard let parameter = method.parameters.first(where: { $0.name == sweep.parameter }) else {
      let names = method.parameters.map(\.name)
      throw ValidationError(
        "--sweep: \(sweep.parameter) is no parameter of \(method.name), which has "
          + (names.isEmpty ? "none" : names.joined(separator: ", ")))
    }
    if given[parameter.name] != nil {
      throw ValidationError("--\(parameter.name) and --sweep \(parameter.name)=… contradict each other")
    }
    for value in sweep.values {
      _ = try chosen(
        method.name, of: CalibrationMethod.self, parameters: given.merging([parameter.name: settingText(value)]) { $1 })
    }
  }
}

/// A parameter and the values to try: `tau=0:1:.1`, both ends included.
struct SweepRange: ExpressibleByArgument, Equatable {
  let parameter: String
  let values: [Double]

  init?(argument: String) {
    let sides = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard sides.count == 2, !sides[0].isEmpty, let values = Self.values(sides[1]) else { return nil }
    parameter = String(sides[0])
    self.values = values
  }

  /// First + i · step, so that no error adds up; `nil` unless the text is `first:last:step` of at most 1,000 values.
  private static func values(_ text: Substring) -> [Double]? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
    guard parts.count == 3, let first = parts[0], let last = parts[1], let step = parts[2], abs(first) < 1e9,
      abs(last) < 1e9, first <= last, step > 0
    else { return nil }
    let count = ((last - first) / step + 1e-9).rounded(.down)
    guard count < 1000 else { return nil }
    // As short as typed: three times .1 is .3 and not .30000000000000004.
    return (0...Int(count)).map { Double(String(format: "%.12g", first + Double($0) * step)) ?? first }
  }
}
