import Foundation

/// A step of 1, 2 or 5 times a power of ten.
struct NiceStep {
  /// 1, 2 or 5.
  let factor: Int
  /// The power of ten.
  let exponent: Int

  /// The step itself.
  var value: Double { Double(factor) * pow(10, Double(exponent)) }

  /// So many steps; exact where the decimal is, so that three steps of .1 are .3.
  func times(_ count: Double) -> Double {
    exponent < 0 ? count * Double(factor) / pow(10, Double(-exponent)) : count * value
  }

  /// A multiple of the step with as many decimals as it needs.
  func label(_ value: Double) -> String {
    if exponent >= 0, let whole = Int(exactly: value.rounded()), abs(whole) < 10_000_000 {
      return NumberText.grouped(whole)
    }
    if exponent < -6 || exponent >= 0 { return NumberText.short(value, digits: 6) }
    return NumberText.fixed(value, digits: -exponent).replacingOccurrences(of: "-", with: "−")
  }
}

/// The smallest nice step that crosses a span in at most so many.
func niceStep(spanning span: Double, count: Int) -> NiceStep {
  guard span.isFinite, span > 1e-300 else { return NiceStep(factor: 1, exponent: 0) }
  let least = span / Double(max(1, count))
  let exponent = Foundation.log10(least).rounded(.down)
  let rest = least / pow(10, exponent)
  // A hair of slack: .3 / 3 is a little above .1.
  for factor in [1, 2, 5] where rest <= Double(factor) * (1 + 1e-9) {
    return NiceStep(factor: factor, exponent: Int(exponent))
  }
  return NiceStep(factor: 1, exponent: Int(exponent) + 1)
}

/// Round values inside a range, at most about so many.
package func linearTicks(in domain: ClosedRange<Double>, count: Int) -> [AxisTick] {
  let step = niceStep(spanning: domain.upperBound - domain.lowerBound, count: count)
  let slack = step.value * 1e-9
  let first = ((domain.lowerBound - slack) / step.value).rounded(.up)
  let last = ((domain.upperBound + slack) / step.value).rounded(.down)
  guard first.isFinite, last.isFinite, first <= last, last - first < 1000 else { return [] }
  return stride(from: first, through: last, by: 1).map { multiple in
    let value = step.times(multiple)
    return AxisTick(value, step.label(value))
  }
}

/// Powers of ten inside a range; with their doubles and fivefolds where the range is short, and every second, third
/// and so on where it is long.
func logarithmicTicks(in domain: ClosedRange<Double>, count: Int) -> [AxisTick] {
  guard domain.lowerBound > 0, domain.upperBound > domain.lowerBound else { return [] }
  let first = Int((Foundation.log10(domain.lowerBound) + 1e-9).rounded(.down))
  let last = Int((Foundation.log10(domain.upperBound) + 1e-9).rounded(.down))
  let slack = 1 + 1e-9
  func isInside(_ value: Double) -> Bool {
    value * slack >= domain.lowerBound && value <= domain.upperBound * slack
  }
  let powers = (first...last).filter { isInside(pow(10, Double($0))) }
  if powers.count > 2 {
    let every = max(1, Int((Double(powers.count) / Double(max(2, count))).rounded(.up)))
    return powers.filter { ($0 - powers[0]) % every == 0 }
      .map { AxisTick(pow(10, Double($0)), NumberText.powerOfTen($0)) }
  }
  let between = (first...last).flatMap { exponent in
    [1, 2, 5].compactMap { factor -> AxisTick? in
      let step = NiceStep(factor: factor, exponent: exponent)
      let value = step.times(1)
      guard isInside(value) else { return nil }
      return AxisTick(value, factor == 1 ? NumberText.powerOfTen(exponent) : step.label(value))
    }
  }
  return between.count > 1 ? between : linearTicks(in: domain, count: count)
}
