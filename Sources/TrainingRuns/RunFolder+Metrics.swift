import DurableFiles
import Foundation
import HeadTraining

extension RunFolder {
  /// Reads `metrics.jsonl`.
  ///
  /// - Returns: Its lines in their order.
  /// - Throws: `FileError` if it cannot be read, `RunFolderError`, naming the line, if a line is none of a run's.
  public func metrics() throws -> [TrainingMetrics] {
    let file = try MappedFile(at: metricsPath)
    let decoder = JSONDecoder()
    var metrics: [TrainingMetrics] = []
    for (index, line) in file.bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
      do {
        let means = try decoder.decode(TrainingMetrics.self, from: Data(line))
        guard (0...1 << 40).contains(means.step), (0...1 << 40).contains(means.epoch) else {
          throw RunFolderError(
            "\(metricsPath): line \(index + 1): step \(means.step) of epoch \(means.epoch) cannot be")
        }
        metrics.append(means)
      } catch let error as DecodingError {
        throw RunFolderError("\(metricsPath): line \(index + 1): \(error.place)")
      }
    }
    return metrics
  }
}
