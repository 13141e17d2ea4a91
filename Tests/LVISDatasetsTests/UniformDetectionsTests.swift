import Foundation
import LVISDatasets
import TestSupport
import Testing

/// Detections that are written alike are read without simdjson. Another field in every record sends them to simdjson:
/// what is read, and what is said of a fault, must not depend on it.
@Suite struct UniformDetectionsTests {
  private struct Record {
    var image = "1"
    var category = "2"
    var box: [String]? = ["0", "0", "1", "1"]
    var counts: String?
    var score = "0.5"

    /// - Parameter extra: A field that the reader does not know.
    func json(extra: Bool) -> String {
      let mask = counts.map { #", "segmentation": {"size": [4, 5], "counts": "\#($0)"}"# } ?? ""
      let box = box.map { #", "bbox": [\#($0.joined(separator: ", "))]"# } ?? ""
      return
        #"{"image_id": \#(image), "category_id": \#(category)\#(box)\#(mask), "score": \#(score)\#(extra ? #", "x": 0"# : "")}"#
    }
  }

  private func read(_ records: [Record], extra: Bool, separator: String = ", ") -> Result<
    DetectionColumns, DatasetError
  > {
    let json = "[" + records.map { $0.json(extra: extra) }.joined(separator: separator) + "]"
    return Result { () throws -> DetectionColumns in
      try withTemporaryFolder { folder in
        let path = "\(folder)/r.json"
        try Data(json.utf8).write(to: URL(fileURLWithPath: path))
        return try DetectionColumns(contentsOfResults: path, including: .segmentations)
      }
    }.mapError { $0 as? DatasetError ?? DatasetError(path: "", code: .badValue, problem: "\($0)") }
  }

  private func expectSame(_ records: [Record], _ comment: Comment? = nil) throws {
    let (own, other) = (try read(records, extra: false).get(), try read(records, extra: true).get())
    #expect(own.imageIDs == other.imageIDs && own.categoryIDs == other.categoryIDs, comment)
    #expect(own.scores.map(\.bitPattern) == other.scores.map(\.bitPattern), comment)
    for path in [\BoundingBox.x, \.y, \.width, \.height] {
      #expect(
        own.boxes.map { $0[keyPath: path].bitPattern } == other.boxes.map { $0[keyPath: path].bitPattern }, comment)
    }
    #expect(own.presences == other.presences)
    for index in records.indices { #expect(own.segmentations?[index] == other.segmentations?[index], comment) }
  }

  @Test func numbersAreReadToTheBit() throws {
    var generator = SystemRandomNumberGenerator()
    var texts = [
      "0", "-0", "-0.0", "1", "10", "0.1", "9007199254740992", "9007199254740993", "9007199254740993.0", "1e-05",
      "1E5", "1e+5", "4.9e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "0.30000000000000004",
      "123456789012345678", "1234567890123456789", "12345678901234567890", "0.1000000000000000055511151231257827",
      "9007199254740992.5", "9007199254740993.5", "0.0000000000000000000000123", "8.5", "100000000", "0.12345678",
      "0.123456789012345678", "0.00000001", "334.7312316894531", "0.10000000149011612",
    ]
    for _ in 0..<20_000 {
      texts.append("\(Double(Float.random(in: 0...1000, using: &generator)))")
      let any = Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &generator))
      if any.isFinite { texts.append("\(any)") }
      texts.append("\(Int.random(in: 0...999)).\(UInt64.random(in: 0...UInt64.max, using: &generator))")
      // Scores near 0, whose zeros behind the point are none of their digits.
      texts.append("\(Double(Float.random(in: 0.0001...0.001, using: &generator)))")
      let zeros = String(repeating: "0", count: Int.random(in: 0...12, using: &generator))
      texts.append("0.\(zeros)\(UInt64.random(in: 1..<100_000_000_000_000_000, using: &generator))")
      // As many digits as 64 bits hold, among them those that lie in the middle between two doubles.
      let middle = (1 << 53) + 2 * UInt64.random(in: 0..<1 << 50, using: &generator) + 1
      texts += ["\(middle).0", "\(5 * middle / 10).\(5 * middle % 10)", "\(25 * middle / 100).\(25 * middle % 100)"]
      texts.append("0.\(UInt64.random(in: 1 << 53..<10_000_000_000_000_000_000, using: &generator))")
    }
    let records = texts.map { text in
      var record = Record()
      record.box = [text, "1", text, "2.5"]
      record.score = text
      return record
    }
    try expectSame(records)
    let scores = try read(records, extra: false).get().scores
    #expect(scores.map { Optional($0.bitPattern) } == texts.map { Double($0)?.bitPattern })
  }

  @Test func masksAndIDsAreReadTheSame() throws {
    let counts = ["d0", #"\\"#, #"a\\b\\\\c"#, "", #"\/"#, #"A"#, "o", #"\"x"#, "é", "~"]
    for hasBox in [false, true] {
      for text in counts {
        // The first record sets the layout; the odd one comes behind.
        var (first, odd) = (Record(), Record())
        (first.counts, odd.counts) = ("d0", text)
        if !hasBox { (first.box, odd.box) = (nil, nil) }
        try expectSame([first, odd, first], "\(text)")
        try expectSame([odd, first], "\(text)")
      }
    }
    for id in ["0", "-7", "999999999999999999", "1234567890123456789", "3.0", "1e3"] {
      try expectSame([Record(), Record(image: id), Record(category: id)], "\(id)")
    }
    var boxless = Record()
    (boxless.box, boxless.counts) = (nil, "d0")
    try expectSame([Record(), boxless, Record()])
    let spaced = try read([Record(), Record()], extra: false, separator: " \n\t,\r\n ").get()
    #expect(spaced.count == 2)
  }

  @Test(arguments: [
    "01", "1.", ".5", "+1", "1e", "1e+", "0x1", "NaN", "Infinity", "-", "--1", "1e999", "\"1\"", "null", "true", "1 2",
    "", "[1]", "1.5.2", "1-", "00", "-01",
  ])
  func faultsAreTheSame(text: String) throws {
    for place in 0..<3 {
      var odd = Record()
      if place == 0 { odd.score = text }
      if place == 1 { odd.box = ["1", text, "1", "1"] }
      if place == 2 { odd.image = text }
      for records in [[Record(), Record(), odd, Record()], [odd, Record()]] {
        guard case .failure(let own) = read(records, extra: false),
          case .failure(let other) = read(records, extra: true)
        else {
          Issue.record("\(text) was read")
          continue
        }
        #expect(own.place == other.place && own.place != nil || text == "1 2" || text.isEmpty, "\(own) \(other)")
        // Offsets in the file differ by the other field.
        if !own.problem.contains("byte") { #expect(own.problem == other.problem) }
      }
    }
  }

  /// Windows end anywhere, and records of another form stand between the uniform ones.
  @Test func smallWindowsAndMixedRecords() throws {
    try withTemporaryFolder { folder in
      var texts: [String] = []
      for index in 0..<3000 {
        var record = Record(image: "\(index)", score: "\(Double(index) / 7)")
        if index % 700 == 3 { record.counts = #"d\\0"# }
        texts.append(record.json(extra: index % 997 == 5))
      }
      let path = "\(folder)/r.json"
      try Data(("[" + texts.joined(separator: ",\n") + "]").utf8).write(to: URL(fileURLWithPath: path))
      for windowBytes in [200, 1 << 10, 1 << 14, 1 << 20] {
        var ids: [Int] = []
        var scores: [Double] = []
        try DetectionColumns.forEachChunk(ofResults: path, including: .segmentations, windowBytes: windowBytes) {
          chunk, _ in
          ids += chunk.imageIDs
          scores += chunk.scores
        }
        #expect(ids == Array(0..<3000))
        #expect(scores == (0..<3000).map { Double($0) / 7 })
      }
    }
  }
}
