import LVISEvaluation
import TensorFiles

extension MetricReplicates {
  private static let tensorName = "metrics"

  /// Reads what `write(to:mark:)` wrote.
  ///
  /// - Returns: `nil` where the file holds replicates of something else, or too few.
  /// - Throws: `FileError` or `TensorFileError` if it cannot be read.
  init?(contentsOf path: String, mark: String, count: Int) throws {
    let file = try SafetensorsFile(at: path)
    let names = (file.metadata["names"] ?? "").split(separator: ",").map(String.init)
    guard file.metadata["mark"] == mark, let seed = file.metadata["seed"].flatMap({ UInt64($0) }) else { return nil }
    let tensor = try file.tensor(Self.tensorName)
    guard tensor.shape == [count, names.count] else { return nil }
    let values = try tensor.floats()
    self.init(
      names: names, seed: seed,
      values: (0..<count).map { Array(values[$0 * names.count..<($0 + 1) * names.count]) })
  }

  /// Writes replicates [count, metrics] as safetensors.
  ///
  /// - Parameters:
  ///   - path: Where to.
  ///   - mark: Of what was scored on, and how.
  /// - Throws: `FileError` if it cannot be written.
  func write(to path: String, mark: String) throws {
    try writeSafetensors(
      [NamedTensor(Self.tensorName, floats: values.flatMap(\.self), shape: [values.count, names.count])],
      metadata: ["mark": mark, "seed": "\(seed)", "names": names.joined(separator: ",")], to: path)
  }
}
