import BalancedGroupSoftmax
import Foundation

/// A run as a list shows it: its settings, and its scores where it was evaluated.
struct RunOverview {
  /// How far a run has come.
  enum State: String, Encodable {
    case complete, interrupted, unreadable
  }

  let name: String
  let path: String
  let state: State
  /// `nil` where it cannot be read.
  let record: RunRecord?
  /// Metrics of its `evaluation.json` by name, as fractions; empty where there is none.
  let metrics: [String: Double]
  /// What could not be read.
  let faults: [String]

  /// The run in a folder, or the interrupted one that will stand there.
  init(at path: String) {
    let isPartial = path.hasSuffix(".partial")
    self.path = path
    name = (path as NSString).lastPathComponent
    var faults: [String] = []
    func read<Value>(_ body: () throws -> Value) -> Value? {
      do { return try body() } catch {
        faults.append("\(error)")
        return nil
      }
    }
    record = read { try RunFolder(at: path).record() }
    let evaluation = RunFolder(at: path).evaluationPath
    metrics =
      FileManager.default.fileExists(atPath: evaluation)
      ? read { try EvaluationDocument(contentsOf: evaluation).metricsByName } ?? [:]
      : [:]
    self.faults = faults
    state = record == nil ? .unreadable : isPartial ? .interrupted : .complete
  }

  /// The runs of a folder, the oldest first; `latest` and folders that are no runs are passed over.
  ///
  /// - Throws: `CommandFailure` where the folder cannot be read.
  static func all(in folder: String) throws -> [RunOverview] {
    let files = FileManager.default
    guard let names = try? files.contentsOfDirectory(atPath: folder) else {
      throw CommandFailure("\(folder): no such folder of runs; `bags train` makes one, or name another")
    }
    let runs = names.sorted().filter { name in
      (try? files.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")) == nil
        && files.fileExists(atPath: RunFolder(at: "\(folder)/\(name)").recordPath)
    }.map { RunOverview(at: "\(folder)/\($0)") }
    return runs.sorted { ($0.record?.created ?? "", $0.name) < ($1.record?.created ?? "", $1.name) }
  }

  /// The mean loss of its last epoch; `nil` where nothing was trained, as for most calibrations.
  var loss: Double? { record?.result.flatMap { $0.steps > 0 ? $0.loss : nil } }

  /// When it began, in UTC: `2026-03-01 09:15`.
  var begun: String {
    record.map { String($0.created.prefix(16)).replacing("T", with: " ") } ?? "–"
  }

  /// Settings that differ from what `bags train` takes by itself: `epochs 24, g0 official`.
  var nonDefaultSettings: String {
    record.map { $0.nonDefaultOptions.map { "\($0.name) \($0.value)" }.joined(separator: ", ") } ?? ""
  }
}

extension APComparison {
  /// The metrics that some of the given results have, in the order in which they are shown.
  static func columns(for metrics: [[String: Double]]) -> [String] {
    let results = metrics.map { Result(name: "", method: "", metrics: $0) }.filter { (try? APComparison([$0])) != nil }
    return (try? APComparison(results)).map { Array($0.metricSets.joined()) } ?? []
  }
}
