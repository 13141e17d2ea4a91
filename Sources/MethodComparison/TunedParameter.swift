import Foundation
import HeadLosses

/// A method's own parameter that is to be tuned, and the values to try.
public struct TunedParameter: Sendable, Codable, Equatable {
  /// The parameter's name; methods without it are tuned with as many further learning rates.
  public let name: String
  /// The values to try; `nil` for values around the default.
  public let values: [String]?

  /// Names a parameter and the values to try; `nil` for values about its default.
  public init(name: String, values: [String]? = nil) {
    self.name = name
    self.values = values
  }

  /// The trials that it takes.
  var trialCount: Int { values?.count ?? Self.automaticCount }

  private static let automaticCount = 4

  /// The values to try for a method's parameter, beside the one that it has.
  ///
  /// Around a number these are a quarter, a half, twice and four times it; near an upper limit of 1 it is the distance
  /// to 1 that is halved and doubled (β .999: .996, .998, .9995, .99975). Of words, all.
  func candidates(for parameter: MethodParameter, current: String) -> [String] {
    let all: [String]
    if let values {
      all = values
    } else {
      switch parameter.kind {
      case .choice(let words): all = words
      case .integer(let range):
        all = Self.around(Double(current) ?? 0, upTo: Double(range.upperBound)).map {
          "\(min(max(Int($0.rounded()), range.lowerBound), range.upperBound))"
        }
      case .number(let range):
        all = Self.around(Double(current) ?? 0, upTo: range.upperBound).map {
          settingText(min(max($0, range.lowerBound), range.upperBound))
        }
      }
    }
    var seen: Set<String> = [current]
    return Array(all.filter { parameter.allows($0) && seen.insert($0).inserted }.prefix(trialCount))
  }

  private static func around(_ value: Double, upTo limit: Double) -> [Double] {
    let factors = [0.25, 0.5, 2, 4]
    if limit <= 1, value >= 0.5, value < 1 { return factors.reversed().map { digits(1 - (1 - value) * $0, of: 6) } }
    return value == 0 ? [0.125, 0.25, 0.5, 1] : factors.map { digits(value * $0, of: 6) }
  }

  private static func digits(_ value: Double, of count: Int) -> Double {
    Double(String(format: "%.\(count)g", value)) ?? value
  }
}
