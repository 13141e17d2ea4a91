import DurableFiles
import Foundation
import SwiftProtobuf

/// Writes an event file that TensorBoard reads: records of a length, its check, an event and its check (TFRecord).
///
/// Every call appends whole records, so that a reader, or a kill, meets at most one that is cut short, which readers
/// pass over. A file that cannot be written makes no half file anew: events go to a file of their own every time.
public final class TensorBoardWriter {
  /// The path of the event file.
  public let path: String
  private let file: FileHandle
  private let clock: () -> Date

  /// What the names of event files hold, by which readers know them.
  private static let mark = "tfevents"

  /// Begins an event file.
  ///
  /// - Parameters:
  ///   - folder: Where it goes; a folder for each run. It is made where it does not exist.
  ///   - step: Where training goes on from its last checkpoint, the steps taken until then: readers are told to forget
  ///     what the run wrote of later ones.
  ///   - clock: What time it is.
  /// - Throws: `FileError` if it cannot be written.
  public init(in folder: String, resumingAfter step: Int? = nil, clock: @escaping () -> Date = { Date() }) throws {
    try makeFolder(at: folder)
    // Readers take the files of a folder by name: later ones must sort behind.
    let begun = Int(clock().timeIntervalSince1970)
    let number = String(format: "%04d", try Self.eventFiles(in: folder).count)
    path = "\(folder)/events.out.\(Self.mark).\(begun).\(number).bags"
    guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path)
    else { throw FileError(path: path, operation: "write") }
    self.file = file
    self.clock = clock
    try write { $0.fileVersion = "brain.Event:2" }
    if let step {
      try write {
        $0.step = Int64(step) + 1
        $0.sessionLog.status = .start
      }
    }
  }

  /// The event files in a folder, by name; none where there is no such folder.
  ///
  /// - Throws: `FileError` if the folder cannot be read.
  public static func eventFiles(in folder: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.contains(mark) }.sorted()
        .map { "\(folder)/\($0)" }
    } catch {
      throw FileError(path: folder, operation: "read", code: error.systemCode)
    }
  }

  /// Writes values of one step.
  ///
  /// - Parameters:
  ///   - scalars: Values by tag; the format keeps them in single precision.
  ///   - step: The steps taken.
  /// - Throws: `FileError` if they cannot be written.
  public func write(scalars: [(tag: String, value: Double)], step: Int) throws {
    try write { event in
      event.step = Int64(step)
      event.summary.value = scalars.map { scalar in
        TensorBoardSummary.Value.with {
          $0.tag = scalar.tag
          $0.simpleValue = Float(scalar.value)
        }
      }
    }
  }

  /// Writes distributions of one step.
  ///
  /// - Parameters:
  ///   - histograms: Values by tag; a tag without values is left out.
  ///   - step: The steps taken.
  /// - Throws: `FileError` if they cannot be written.
  public func write(histograms: [(tag: String, values: [Double])], step: Int) throws {
    try write { event in
      event.step = Int64(step)
      event.summary.value = histograms.compactMap { histogram in
        guard let counted = TensorBoardHistogram(histogram.values) else { return nil }
        return TensorBoardSummary.Value.with {
          $0.tag = histogram.tag
          $0.histo = counted
        }
      }
    }
  }

  private func write(_ fill: (inout TensorBoardEvent) -> Void) throws {
    var event = TensorBoardEvent()
    event.wallTime = clock().timeIntervalSince1970
    fill(&event)
    do {
      try file.write(contentsOf: tensorBoardRecord(event.serializedBytes()))
    } catch {
      throw FileError(path: path, operation: "write", code: error.systemCode)
    }
  }
}

/// Data as a TFRecord: its length in 8 bytes, the masked check of those, the data, and their masked check in 4, all
/// little-endian.
func tensorBoardRecord(_ data: [UInt8]) -> Data {
  func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  let length = bytes(UInt64(data.count))
  return Data(length + bytes(maskedCRC32C(length)) + data + bytes(maskedCRC32C(data)))
}

extension TensorBoardHistogram {
  private static let bucketCount = 30

  /// Counts values in buckets of equal width from the least to the greatest; `nil` where there is none that is finite.
  init?(_ values: [Double]) {
    let values = values.filter(\.isFinite)
    guard let least = values.min(), let greatest = values.max() else { return nil }
    self.init()
    min = least
    max = greatest
    num = Double(values.count)
    sum = values.reduce(0, +)
    sumSquares = values.reduce(0) { $0 + $1 * $1 }
    let count = least < greatest ? Self.bucketCount : 1
    let width = (greatest - least) / Double(count)
    // Right edges; the last is the greatest value itself, not a sum that may miss it.
    bucketLimit = (1...count).map { $0 == count ? greatest : least + width * Double($0) }
    bucket = Array(repeating: 0, count: count)
    for value in values {
      let place = width > 0 ? Swift.min(count - 1, Int((value - least) / width)) : 0
      bucket[place] += 1
    }
  }
}
