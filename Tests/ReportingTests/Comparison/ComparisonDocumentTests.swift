import Foundation
import Reporting
import TestSupport
import Testing

@Suite struct ComparisonDocumentTests {
  /// A file of version 0.1 of the program gives the table that it then gave, with every parameter where it did not say
  /// which of them tuning picked.
  @Test func filesOfEarlierVersionsAreRead() throws {
    try withTemporaryFolder { folder in
      try FileManager.default.copyItem(
        atPath: goldenPath("documents/earlier_comparison.json"), toPath: "\(folder)/comparison.json")
      let document = try ComparisonDocument(inFolder: folder)
      let table = ComparisonTable(document).table
      #expect(
        table.titles == [
          "method", "trained with", "AP", "APr", "APc", "APf", "AP1", "AP2", "AP3", "AP4", "norm–count", "epochs",
          "seconds",
        ])
      let rows = table.texts { "*\($0)" }
      #expect(rows[1].prefix(3) == ["bags", "lr 0.1", "40.48 ±0.10"])
      #expect(rows[2][0] == "seesaw+tau-norm" && rows[2][2] == "*42.72 ±1.63" && rows[2][11] == "1")
      #expect(document.seeds == [0, 1] && document.settings.epochs == 1)
      #expect(document.methods.map { $0.tuning?.trials.count } == [2, 2, 1] && document.methods[2].runs.count == 2)
    }
  }
}
