/// What settings are chosen by, from the metrics of trials.
///
/// It is written `AP`, or another metric's name; `groups`, the mean of AP1 and on, in which every group of classes counts
/// as much; or `APr:1`, the metric among trials whose AP is within 1 point of the best.
public struct TuningCriterion: Sendable, Equatable, LosslessStringConvertible {
  /// The metric's name, or `groups`.
  public let name: String
  /// How much lower than the best AP a trial's may be, in points; `nil` for as much as it likes.
  public let bound: Double?

  /// AP.
  public static let ap = TuningCriterion(name: "AP", bound: nil)
  /// The mean over the groups of classes.
  public static let groups = TuningCriterion(name: "groups", bound: nil)

  private init(name: String, bound: Double?) { (self.name, self.bound) = (name, bound) }

  /// Reads a criterion; `nil` for what is none.
  public init?(_ description: String) {
    let parts = description.split(separator: ":", omittingEmptySubsequences: false)
    guard let name = parts.first.map(String.init), parts.count <= 2,
      name == Self.groups.name || (name.hasPrefix("AP") && name.allSatisfy { $0.isLetter || $0.isNumber })
    else { return nil }
    guard parts.count == 2 else {
      self.init(name: name, bound: nil)
      return
    }
    guard let bound = Double(parts[1]), (0...100).contains(bound) else { return nil }
    self.init(name: name, bound: bound)
  }

  /// As it is read.
  public var description: String {
    bound.map { "\(name):\($0 == $0.rounded() ? "\(Int($0))" : "\($0)")" } ?? name
  }

  /// The metrics whose mean it is, among those that there are.
  public func metrics(among names: some Collection<String>) -> [String] {
    guard name == Self.groups.name else { return [name] }
    return names.filter { $0.hasPrefix("AP") && $0.dropFirst(2).allSatisfy(\.isNumber) && $0 != "AP" }
      .filter { !["AP50", "AP75"].contains($0) }.sorted()
  }

  /// What a trial's metrics come to; `nil` where none of them could be measured.
  public func score(of metrics: [String: Double]) -> Double? {
    let values = self.metrics(among: metrics.keys).compactMap { metrics[$0] }.filter { $0 >= 0 }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}
