import DurableFiles
import Foundation
import ModelExport
import TestSupport
import Testing

@Suite struct TensorBoardWriterTests {
  /// The records of a file, their checks compared.
  private func records(at path: String) throws -> [[UInt8]] {
    let bytes = [UInt8](try fileBytes(path))
    func number(_ place: Int, bytes count: Int) -> UInt64 {
      bytes[place..<place + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    var records: [[UInt8]] = []
    var place = 0
    while place < bytes.count {
      let length = Int(number(place, bytes: 8))
      #expect(number(place + 8, bytes: 4) == UInt64(maskedCRC32C(bytes[place..<place + 8])))
      let data = Array(bytes[place + 12..<place + 12 + length])
      #expect(number(place + 12 + length, bytes: 4) == UInt64(maskedCRC32C(data)))
      records.append(data)
      place += 16 + length
    }
    return records
  }

  /// 2.5 as protobuf keeps a double.
  private let time: [UInt8] = [0x09, 0, 0, 0, 0, 0, 0, 0x04, 0x40]

  @Test func writesTheFormatsBytes() throws {
    try withTemporaryFolder { folder in
      let writer = try TensorBoardWriter(in: "\(folder)/run", clock: { Date(timeIntervalSince1970: 2.5) })
      try writer.write(scalars: [(tag: "loss", value: 0.5)], step: 300)
      #expect(writer.path == "\(folder)/run/events.out.tfevents.2.0000.bags")
      let records = try records(at: writer.path)
      #expect(records.count == 2)
      #expect(records[0] == time + [0x1A, 13] + Array("brain.Event:2".utf8))
      // Step 300 as a varint; a summary of one value with a tag and 0.5 in single precision.
      let value: [UInt8] = [0x0A, 4] + Array("loss".utf8) + [0x15, 0, 0, 0, 0x3F]
      #expect(
        records[1] == time + [0x10, 0xAC, 0x02, 0x2A, UInt8(value.count + 2), 0x0A, UInt8(value.count)] + value)
    }
  }

  @Test func resumedFileSortsBehindAndMarksWhereItGoesOn() throws {
    try withTemporaryFolder { folder in
      let clock = { Date(timeIntervalSince1970: 2.5) }
      let first = try TensorBoardWriter(in: folder, clock: clock)
      let second = try TensorBoardWriter(in: folder, resumingAfter: 4, clock: clock)
      #expect(try TensorBoardWriter.eventFiles(in: folder) == [first.path, second.path])
      // Step 5, session log, status START.
      #expect(try records(at: second.path)[1] == time + [0x10, 5, 0x3A, 2, 0x08, 1])
    }
  }

  @Test func countsEveryValueOfAHistogram() throws {
    try withTemporaryFolder { folder in
      let writer = try TensorBoardWriter(in: folder)
      try writer.write(
        histograms: [(tag: "a", values: [1, 2, 4, .nan]), (tag: "same", values: [3, 3]), (tag: "none", values: [])],
        step: 1)
      let record = try #require(try records(at: writer.path).last)
      // 30 buckets and one, in doubles: nothing is written of the tag without values.
      #expect(record.count > 2 * 31 * 8 && !String(decoding: record, as: UTF8.self).contains("none"))
    }
  }

  @Test func saysWhatCannotBeWritten() throws {
    try withTemporaryFolder { folder in
      try Data().write(to: URL(fileURLWithPath: "\(folder)/file"))
      #expect(throws: FileError.self) { try TensorBoardWriter(in: "\(folder)/file/run") }
      #expect(try TensorBoardWriter.eventFiles(in: "\(folder)/nowhere") == [])
    }
  }
}
