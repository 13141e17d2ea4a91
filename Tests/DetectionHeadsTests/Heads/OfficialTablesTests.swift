import Foundation
import LVISDatasets
import TestSupport
import Testing

@Suite struct OfficialTablesTests {
  /// Every case of the official code, one with classes that never occur among them.
  @Test func tablesAreTheOfficialCodes() throws {
    for golden in try GoldenCase.losses("case_bags_1.json", having: ["label2binlabel", "pred_slice"]) {
      let boundaries = try golden.hyperparameters.numbers("group_bounds").filter { 0 < $0 && $0 < 1e9 }
      let groups = try CategoryGroups(
        instances: try golden.inputs.integers("class_counts"), boundaries: boundaries.map { Int($0) })
      let tables = groups.officialTables
      let (labels, slices) = (tables.labelToBinLabel, tables.predictionSlices)
      #expect(try labels.flatMap { $0.map(Int.init) } == golden.inputs.integers("label2binlabel"), "\(golden)")
      #expect(try slices.flatMap { $0.map(Int.init) } == golden.inputs.integers("pred_slice"), "\(golden)")
    }
  }

  @Test func filesAreNumPys() throws {
    let groups = try CategoryGroups(
      counts: [3, 50, 7].enumerated().map { CategoryCount(id: 10 * $0, name: "\($0)", instances: $1, images: 1) },
      boundaries: [10])
    try withTemporaryFolder { folder in
      let path = "\(folder)/new"
      try groups.officialTables.write(to: path)
      let data = try fileBytes("\(path)/label2binlabel.npy")
      // As numpy.save writes numpy.array(…, dtype=numpy.int64).
      let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (3, 4), }"
      let expected =
        [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8)
        + [UInt8](repeating: 0x20, count: 117 - header.utf8.count) + [0x0A]
      #expect(Array(data.prefix(128)) == expected)
      let values = stride(from: 128, to: data.count, by: 8).map { data[$0] }
      #expect(values == [0, 1, 1, 1, 0, 1, 0, 2, 0, 0, 1, 0])
      #expect(data.count == 128 + 12 * 8)
      let slices = try fileBytes("\(path)/pred_slice.npy")
      #expect(stride(from: 128, to: slices.count, by: 8).map { slices[$0] } == [0, 2, 2, 3, 5, 2])
    }
  }
}
