import Foundation

/// Numbers as text, the same in every locale.
public enum NumberText {
  /// A number with so many decimals: `0.50`; no minus sign on a zero; an en dash where it is not finite.
  public static func fixed(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return "–" }
    let text = String(format: "%.\(max(0, digits))f", value)
    return text.hasPrefix("-") && !text.contains(where: { "123456789".contains($0) }) ? String(text.dropFirst()) : text
  }

  /// A number with at most so many significant digits, as short as it goes: `12.5`, `0.003`, `1e-07`.
  public static func short(_ value: Double, digits: Int = 3) -> String {
    guard value.isFinite else { return "–" }
    return value == 0 ? "0" : String(format: "%.\(max(1, digits))g", value)
  }

  /// A fraction as a percentage without its sign; an en dash where there is none.
  public static func percent(_ fraction: Double?, digits: Int = 2) -> String {
    fraction.map { fixed(100 * $0, digits: digits) } ?? "–"
  }

  /// A difference of fractions in percentage points, its sign always shown; an en dash where there is none.
  public static func points(_ difference: Double?, digits: Int = 2) -> String {
    guard let difference, difference.isFinite else { return "–" }
    return (difference < 0 ? "−" : "+") + fixed(100 * abs(difference), digits: digits)
  }

  /// A whole number with a comma before every third digit: `12,345`.
  public static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return value < 0 ? "−" + text : text
  }

  /// A power of ten as an axis shows it: `0.001`, `100`, `10,000`, and `10⁻⁴` or `10⁷` where that would be long.
  public static func powerOfTen(_ exponent: Int) -> String {
    switch exponent {
    case 0...6: grouped(Int(pow(10, Double(exponent))))
    case -3..<0: fixed(pow(10, Double(exponent)), digits: -exponent)
    default: "10" + superscript(exponent)
    }
  }

  private static func superscript(_ value: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    return (value < 0 ? "⁻" : "") + String(value.magnitude).compactMap { $0.wholeNumberValue.map { digits[$0] } }
  }

  /// A coordinate in an SVG: two decimals, as short as they go.
  static func coordinate(_ value: Double) -> String {
    var text = fixed(value, digits: 2)
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }
}
