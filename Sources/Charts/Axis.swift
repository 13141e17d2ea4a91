import Foundation

/// The function by which an axis turns a value into a place between its ends.
public enum AxisScale: Sendable {
  /// Equal differences are equally far apart.
  case linear
  /// Equal factors are equally far apart; only values above 0 have a place.
  case log10
}

/// A value that an axis names, and the text beside it.
public struct AxisTick: Sendable, Equatable {
  /// The value at which the tick stands, in the axis's unit.
  public var value: Double
  /// The text beside the tick.
  public var label: String

  /// Makes a tick from its value and its text.
  public init(_ value: Double, _ label: String) {
    self.value = value
    self.label = label
  }
}

/// One axis: what it measures, its scale, and the values from one end to the other.
public struct Axis: Sendable {
  /// What the axis measures, with its unit.
  public var title: String
  /// The function by which values become places.
  public var scale: AxisScale
  /// The values at the two ends.
  public var domain: ClosedRange<Double>
  /// The ticks to draw instead of round values; `nil` for round values.
  public var ticks: [AxisTick]?
  /// Whether faint lines run across the panel from its ticks.
  public var hasGrid: Bool

  /// Makes an axis with its ends as given.
  ///
  /// - Parameters:
  ///   - title: What is measured, with its unit.
  ///   - scale: The function by which values become places; a logarithmic one needs both ends above 0.
  ///   - domain: The values at the two ends.
  ///   - ticks: The ticks to draw; `nil` for round values.
  ///   - hasGrid: Whether faint lines run across the panel from its ticks.
  public init(
    _ title: String, scale: AxisScale = .linear, domain: ClosedRange<Double>, ticks: [AxisTick]? = nil,
    hasGrid: Bool = true
  ) {
    self.title = title
    self.scale = scale
    self.domain = domain
    self.ticks = ticks
    self.hasGrid = hasGrid
  }

  /// A linear axis whose ends are round values around the given ones.
  ///
  /// - Parameters:
  ///   - values: What it must hold; those that are not finite are passed over.
  ///   - isFromZero: Whether it starts at 0, as an honest axis of lengths does.
  public static func linear(_ title: String, covering values: [Double], isFromZero: Bool = true) -> Axis {
    let finite = values.filter(\.isFinite)
    var low = finite.min() ?? 0
    var high = finite.max() ?? 1
    if isFromZero {
      low = min(low, 0)
      high = max(high, 0)
    }
    if low == high { (low, high) = low == 0 ? (0, 1) : (low - abs(low) / 2, high + abs(high) / 2) }
    let step = niceStep(spanning: high - low, count: 5)
    let domain = (low / step.value).rounded(.down) * step.value...(high / step.value).rounded(.up) * step.value
    return Axis(title, domain: domain)
  }

  /// A logarithmic axis from the smallest to the largest of the given values, with a little room beyond.
  ///
  /// - Parameter values: What it must hold; those that are not finite or not above 0 are passed over.
  public static func log10(_ title: String, covering values: [Double]) -> Axis {
    let usable = values.filter { $0.isFinite && $0 > 0 }
    let low = usable.min() ?? 1
    let high = usable.max() ?? 10
    let room = low == high ? 2 : exp(0.04 * (log(high) - log(low)))
    return Axis(
      title, scale: .log10, domain: max(low / room, .leastNormalMagnitude)...min(high * room, .greatestFiniteMagnitude))
  }

  /// Gives 0 a place and a label at the bottom of a logarithmic axis of counts: that of one half.
  package mutating func showZero() {
    ticks = [AxisTick(0.5, "0")] + shownTicks(room: 4)
    domain = 0.5...max(1, domain.upperBound)
  }

  /// The length of the domain, as on a linear axis.
  var span: Double { domain.upperBound - domain.lowerBound }

  /// The place of a value between the ends, 0...1; `nil` for a value beyond them, or one that the scale has no place
  /// for.
  public func fraction(_ value: Double) -> Double? {
    guard value.isFinite else { return nil }
    let place: Double
    switch scale {
    case .linear:
      place = (value - domain.lowerBound) / span
    case .log10:
      guard value > 0, domain.lowerBound > 0 else { return nil }
      place = (log(value) - log(domain.lowerBound)) / (log(domain.upperBound) - log(domain.lowerBound))
    }
    guard place.isFinite, place > -1e-9, place < 1 + 1e-9 else { return nil }
    return min(max(place, 0), 1)
  }

  /// The ticks to draw where there is room for about `count` of them.
  public func shownTicks(room count: Int) -> [AxisTick] {
    if let ticks { return ticks.filter { fraction($0.value) != nil } }
    switch scale {
    case .linear: return linearTicks(in: domain, count: count)
    case .log10: return logarithmicTicks(in: domain, count: count)
    }
  }
}
