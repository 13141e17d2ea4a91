import BalancedGroupSoftmax
import DurableFiles
import Foundation
import ModelExport

/// The events that `bags train --tensorboard` writes: metrics at every report, the distributions of weight norms at
/// every epoch's end.
struct TrainingEvents {
  private let writer: TensorBoardWriter

  /// Where a run's events go: a folder of its own, by whose name TensorBoard calls it.
  static func folder(in logs: String, ofRunAt path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? "run"
    return "\(logs)/\(name)"
  }

  /// The event files that stand where a run's would go.
  static func files(in logs: String, ofRunAt path: String) throws -> [String] {
    try TensorBoardWriter.eventFiles(in: folder(in: logs, ofRunAt: path))
  }

  /// Begins a file; those of a run of the same name, which this one replaces, are removed.
  ///
  /// - Parameters:
  ///   - logs: The folder that TensorBoard is started with.
  ///   - path: The run.
  ///   - step: The steps taken before; `nil` for a run that begins.
  /// - Throws: `FileError` if they cannot be written.
  init(in logs: String, ofRunAt path: String, resumingAfter step: Int? = nil) throws {
    for file in step == nil ? try Self.files(in: logs, ofRunAt: path) : [] {
      guard unlink(file) == 0 else { throw FileError(path: file, operation: "remove") }
    }
    writer = try TensorBoardWriter(in: Self.folder(in: logs, ofRunAt: path), resumingAfter: step)
  }

  /// Writes what a report of training says.
  func write(_ metrics: TrainingMetrics, of trainer: HeadTrainer) throws {
    try write(metrics)
    if metrics.step % trainer.stepsPerEpoch == 0 { try writeNorms(of: trainer.head, step: metrics.step) }
  }

  /// Writes a line of metrics.
  func write(_ metrics: TrainingMetrics) throws {
    try writer.write(scalars: metrics.named.map { (tag: $0.name, value: $0.value) }, step: metrics.step)
  }

  /// Writes metrics on validation images.
  func write(validation metrics: [String: Double], step: Int) throws {
    let measured = metrics.filter { $0.value >= 0 }.sorted { $0.key < $1.key }
    try writer.write(scalars: measured.map { (tag: "validation/\($0.key)", value: $0.value) }, step: step)
  }

  private func writeNorms(of head: LinearHead, step: Int) throws {
    let norms = head.classWeightNorms
    try writer.write(
      histograms: head.groups.classesByGroup.enumerated().map { group, members in
        (tag: "weight_norms/G\(group + 1)", values: members.map { norms[$0] })
      }, step: step)
  }
}
