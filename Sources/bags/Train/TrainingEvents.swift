import BalancedGroupSoftmax
import DurableFiles
import Foundation
import ModelExport

/// What `bags train --tensorboard` writes: metrics at every report, the distributions of weight norms at every epoch's
/// end.
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
    var scalars = [
      (tag: "loss", value: metrics.loss), (tag: "learning_rate", value: metrics.learningRate),
      (tag: "gradient_norm", value: metrics.gradientNorm), (tag: "rois_per_second", value: metrics.roisPerSecond),
    ]
    if let share = metrics.othersShare { scalars.append((tag: "others_share", value: share)) }
    if metrics.losses.count > 1 {
      scalars += metrics.losses.sorted { $0.key < $1.key }.map { (tag: "loss/\($0.key)", value: $0.value) }
    }
    try writer.write(scalars: scalars, step: metrics.step)
    if metrics.step % trainer.stepsPerEpoch == 0 { try writeNorms(of: trainer.head, step: metrics.step) }
  }

  private func writeNorms(of head: LinearHead, step: Int) throws {
    let norms = head.classWeightNorms
    try writer.write(
      histograms: head.groups.classesByGroup.enumerated().map { group, members in
        (tag: "weight_norms/G\(group + 1)", values: members.map { norms[$0] })
      }, step: step)
  }
}
