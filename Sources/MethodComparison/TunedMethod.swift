import Foundation
import TrainingRuns

/// A method and what tuning picked for it.
public struct TunedMethod: Sendable, Equatable {
  /// The method as it was asked for.
  public let method: ComparedMethod
  /// With the learning rate and the parameters that were picked.
  public let picked: ComparedMethod
  /// The trials and their metrics.
  public let record: TuningRecord
}

extension TunedMethod {
  /// What was tried, and what was chosen, in a line.
  public var summary: String {
    func points(_ value: Double) -> String { String(format: "%.2f", 100 * value) }
    guard let chosen = record.chosen else { return "nothing was tried" }
    let tried =
      "\(record.trials.count) trials, \(record.metric) \(points(record.score(of: chosen))) on "
      + "\(record.heldOutImageCount) held-out images"
    let lead = record.lead.map { "\(points($0[0])) to \(points($0[1]))" }
    if record.keptDefault == true, let lead {
      return "\(tried); no other is better than \(picked) beyond noise (\(lead)), so that stays"
    }
    return "\(tried); \(picked) is taken" + (lead.map { ", better than the default by \($0)" } ?? "")
  }
}
