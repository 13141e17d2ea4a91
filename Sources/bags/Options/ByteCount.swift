import ArgumentParser
import BalancedGroupSoftmax

/// A size in bytes, written with K, M, G or T for powers of 1,024: `500M`, `4G`.
struct ByteCount: ExpressibleByArgument, CustomStringConvertible {
  let value: Int

  private static let units: [(suffix: String, shift: Int)] = [("K", 10), ("M", 20), ("G", 30), ("T", 40)]

  init(_ value: Int) { self.value = value }

  init?(argument: String) {
    var digits = argument.uppercased()
    if digits.hasSuffix("B") { digits.removeLast() }
    let unit = Self.units.first { digits.hasSuffix($0.suffix) }
    if unit != nil { digits.removeLast() }
    guard let number = Double(digits), number >= 0,
      let value = Int(exactly: (number * Double(1 << (unit?.shift ?? 0))).rounded())
    else { return nil }
    self.value = value
  }

  var description: String {
    let unit = Self.units.last { value > 0 && value.isMultiple(of: 1 << $0.shift) }
    return unit.map { "\(value >> $0.shift)\($0.suffix)" } ?? "\(value)"
  }
  var defaultValueDescription: String { description }
}
