import DenseLinearAlgebra
import DetectionHeads
import Foundation
import HeadLosses
import TensorFiles

/// Everything that a training needs to go on as if it had never stopped. Random numbers are a function of seed and step,
/// so there is no generator in it, and the position in the epoch follows from the step.
public struct TrainingCheckpoint: Sendable {
  /// Steps taken.
  public var stepsTaken: Int
  /// W [K, D].
  public var weight: Matrix<Float>
  /// b [K].
  public var bias: [Float]
  /// The momentum of W.
  public var weightVelocity: Matrix<Float>
  /// The momentum of b.
  public var biasVelocity: [Float]
  /// The layers below the classifier.
  public var hidden: [HiddenLayer] = []
  /// Their momentum.
  public var hiddenVelocity: [HiddenLayer] = []
  /// The objective's state by name; see `HeadObjective`.
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
    var tensors = [
      NamedTensor("fc_cls.weight", floats: weight.storage, shape: [weight.rows, weight.columns]),
      NamedTensor("fc_cls.bias", floats: bias, shape: [bias.count]),
      NamedTensor("momentum.fc_cls.weight", floats: weightVelocity.storage, shape: [weight.rows, weight.columns]),
      NamedTensor("momentum.fc_cls.bias", floats: biasVelocity, shape: [bias.count]),
      encoded("sums.line", lineSums.values), encoded("sums.epoch", epochSums.values),
    ]
    tensors += hidden.tensors(prefix: "shared_fcs") + hiddenVelocity.tensors(prefix: "momentum.shared_fcs")
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
    func matrix(_ name: String) throws -> Matrix<Float> {
      let tensor = try file.tensor(name)
      guard tensor.shape.count == 2 else { throw TrainingError.foreignCheckpoint("\(path): \(name) is no matrix") }
      return Matrix(rows: tensor.shape[0], columns: tensor.shape[1], values: try tensor.floats())
    }
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
    var checkpoint = TrainingCheckpoint(
      stepsTaken: step, weight: try matrix("fc_cls.weight"), bias: try file.tensor("fc_cls.bias").floats(),
      weightVelocity: try matrix("momentum.fc_cls.weight"),
      biasVelocity: try file.tensor("momentum.fc_cls.bias").floats(), objectiveState: state,
      lineSums: try sums("sums.line"), epochSums: try sums("sums.epoch"))
    checkpoint.hidden = try LinearHead.layers("shared_fcs", of: file)
    checkpoint.hiddenVelocity = try LinearHead.layers("momentum.shared_fcs", of: file)
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
