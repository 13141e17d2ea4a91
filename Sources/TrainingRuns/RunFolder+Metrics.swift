import DurableFiles
import Foundation
import HeadTraining

extension RunFolder {
  /// Reads `metrics.jsonl`, of a finished run or one that is being trained: a last line that is not written to its end is
  /// passed over.
  ///
  /// - Returns: Its lines in their order.
  /// - Throws: `FileError` if it cannot be read, `RunFolderError`, naming the line, if a line is none of a run's.
  public func metrics() throws -> [TrainingMetrics] {
    let file = try MappedFile(at: metricsPath)
    let newline = UInt8(ascii: "\n")
    // Copied, since the writer may shorten the file.
    let lines = Data(file.bytes).split(separator: newline)
    let isWhole = file.bytes.last == newline
    let decoder = JSONDecoder()
    var metrics: [TrainingMetrics] = []
    for (index, line) in lines.enumerated() {
      do {
        let means = try decoder.decode(TrainingMetrics.self, from: line)
        guard (0...1 << 40).contains(means.step), (0...1 << 40).contains(means.epoch) else {
          throw RunFolderError(
            "\(metricsPath): line \(index + 1): step \(means.step) of epoch \(means.epoch) cannot be")
        }
        metrics.append(means)
      } catch let error as DecodingError {
        if index == lines.count - 1 && !isWhole { break }
        throw RunFolderError("\(metricsPath): line \(index + 1): \(error.place)")
      }
    }
    return metrics
  }
}
