import DenseLinearAlgebra
import DetectionHeads
import Foundation
import HeadLosses
import TensorFiles

/// The parameters, the state of the losses and the steps of a training, from which it goes on as if it had never
/// stopped.
///
/// Random numbers are a function of seed and step, so there is no generator in it, and the position in the epoch
/// follows from the step.
public struct TrainingCheckpoint: Sendable {
  /// The number of steps taken.
  public var stepsTaken: Int
  /// Every trained number with its momentum.
  package var parameters: [Parameter]
  /// The numbers that the losses have learnt from earlier batches, by name; see `StatefulObjective`.
  public var objectiveState: [String: [Double]]
  /// Sums since the last line of metrics, and since the epoch began.
  var lineSums: MetricsSums
  var epochSums: MetricsSums

  private static let statePrefix = "state."

  /// Writes `checkpoint.safetensors`.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - metadata: What the caller wants back with it.
  /// - Throws: `FileError`; the checkpoint that stood there is then as it was.
  public func write(to path: String, metadata: [String: String] = [:]) throws {
    var tensors =
      parameters.flatMap(\.checkpointTensors)
      + [encoded("sums.line", lineSums.values), encoded("sums.epoch", epochSums.values)]
    for (name, values) in objectiveState.sorted(by: { $0.key < $1.key }) {
      tensors.append(encoded(Self.statePrefix + name, values))
    }
    try writeSafetensors(
      tensors,
      metadata: metadata.merging(["format": "bags-checkpoint", "version": "1", "step": "\(stepsTaken)"]) { $1 },
      to: path)
  }

  /// Reads `checkpoint.safetensors`.
  ///
  /// - Returns: The checkpoint, and the metadata that its writer gave.
  /// - Throws: `TensorFileError` or `TrainingError.foreignCheckpoint` if it is damaged or none.
  public static func read(from path: String) throws -> (checkpoint: TrainingCheckpoint, metadata: [String: String]) {
    let file = try SafetensorsFile(at: path)
    func sums(_ name: String) throws -> MetricsSums {
      let values = try decoded(file.tensor(name))
      guard let sums = MetricsSums(values: values) else {
        throw TrainingError.foreignCheckpoint("\(path): \(name) is too short")
      }
      return sums
    }
    guard file.metadata["format"] == "bags-checkpoint", let step = file.metadata["step"].flatMap({ Int($0) }) else {
      throw TrainingError.foreignCheckpoint("\(path): it is no checkpoint")
    }
    var state: [String: [Double]] = [:]
    for name in file.names where name.hasPrefix(statePrefix) {
      state[String(name.dropFirst(statePrefix.count))] = try decoded(file.tensor(name))
    }
    let checkpoint = TrainingCheckpoint(
      stepsTaken: step, parameters: try Parameter.parameters(in: file), objectiveState: state,
      lineSums: try sums("sums.line"), epochSums: try sums("sums.epoch"))
    return (checkpoint, file.metadata)
  }
}

private func encoded(_ name: String, _ values: [Double]) -> NamedTensor {
  NamedTensor(name, bytes: values.withUnsafeBytes(Array.init), elementType: .float64, shape: [values.count])
}

private func decoded(_ tensor: TensorView) throws -> [Double] {
  guard tensor.elementType == .float64 else {
    throw TrainingError.foreignCheckpoint("\(tensor.path): \(tensor.name) is not F64")
  }
  return tensor.withUnsafeBytes { bytes in
    (0..<tensor.count).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
  }
}
