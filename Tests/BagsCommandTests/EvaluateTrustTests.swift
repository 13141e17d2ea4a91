import BalancedGroupSoftmax
import DurableFiles
import Foundation
import TestSupport
import Testing

/// `bags evaluate` on what can be trusted: calibration, intervals, slices, shapes, label errors, compressed files.
@Suite struct EvaluateTrustTests {
  private let annotations = goldenPath("evaluation/tide_gt.json")
  private let results = goldenPath("evaluation/tide_dt.json")

  private func evaluate(_ arguments: [String], in folder: String? = nil) throws -> CommandOutput {
    try runBags(["evaluate", "--annotations", annotations, "--results", results] + arguments, in: folder)
  }

  @Test func tablesAndJSONHoldWhatIsAsked() throws {
    let all = ["--calibration", "--intervals", "--shapes", "--label-errors", "--slice", "width", "--bootstrap", "30"]
    let text = try evaluate(all)
    #expect(text.status == 0, "\(text.error)")
    for word in [
      "95 %", "D-ECE", "oLRP", "threshold", "AP (objects)", "wide", "annotations of", "contradicted", "width",
    ] {
      #expect(text.output.contains(word), "\(word)")
    }
    #expect(text.error.contains("drawing images 30 times"))
    let root = try jsonObject(try evaluate(all + ["--format", "json"]).output)
    let rows = try #require((root["calibration"] as? [String: Any])?["rows"] as? [[String: Any]])
    #expect(rows.map { $0["classes"] as? String } == ["all", "r", "c", "f"])
    #expect(rows.allSatisfy { $0["d_ece"] is Double && $0["la_ece"] is Double && $0["olrp"] is [String: Any] })
    let intervals = try #require((root["intervals"] as? [String: Any])?["metrics"] as? [String: [Double]])
    for (name, bounds) in intervals {
      let value = try #require(root[name] as? Double)
      #expect(bounds[0] <= value && value <= bounds[1], "\(name)")
    }
    #expect(Set(intervals.keys).isSuperset(of: ["AP", "APr"]))
    let slices = try #require(root["slices"] as? [[String: Any]])
    #expect(slices.count == 1 && slices[0]["value"] as? String == "120")
    // All images are as wide: the slice is the whole.
    #expect(slices[0]["AP"] as? Double == root["AP"] as? Double)
    #expect((root["shapes"] as? [String: Any])?["rows"] as? [[String: Any]] != nil)
    #expect((root["label_errors"] as? [String: Any])?["findings"] as? [[String: Any]] != nil)
  }

  @Test func slicesComeFromATable() throws {
    try withTemporaryFolder { folder in
      let ids = try #require(try jsonObject(at: annotations)["images"] as? [[String: Any]]).compactMap {
        $0["id"] as? Int
      }
      let lines = ids.enumerated().map { "\($1),\($0 % 2 == 0 ? "day" : "night")" }
      try (["image_id,light"] + lines).joined(separator: "\n").write(
        toFile: "\(folder)/t.csv", atomically: true, encoding: .utf8)
      let output = try evaluate(["--slice", "t.csv", "--bootstrap", "0", "--format", "json"], in: folder)
      let slices = try #require(try jsonObject(output.output)["slices"] as? [[String: Any]])
      #expect(slices.map { $0["value"] as? String } == ["day", "night"] && slices[0]["intervals"] == nil)
    }
    let missing = try evaluate(["--slice", "none.csv"])
    #expect(missing.status == 1 && missing.error.contains("none.csv: there is no such file"))
    let unknown = try evaluate(["--slice", "weather"])
    #expect(unknown.status == 1 && unknown.error.contains("no image has a value for weather"))
  }

  @Test func labelErrorsGoToAFile() throws {
    try withTemporaryFolder { folder in
      #expect(try evaluate(["--label-errors-output", "a.csv", "--label-confidence", "0.2"], in: folder).status == 0)
      let lines = try String(contentsOfFile: "\(folder)/a.csv", encoding: .utf8).split(separator: "\n")
      #expect(lines[0].hasPrefix("kind,classes,image_id,image,annotation_id") && lines.count > 3)
      #expect(try evaluate(["--label-errors-output", "a.csv"], in: folder).error.contains("exists"))
      #expect(try evaluate(["--label-errors-output", "b.json"], in: folder).status == 0)
      #expect(try String(contentsOfFile: "\(folder)/b.json", encoding: .utf8).contains("rectanglelabels"))
      let fiftyOne = ["--label-errors-output", "c.json", "--label-errors-format", "fiftyone"]
      #expect(try evaluate(fiftyOne, in: folder).status == 0)
      #expect(try jsonObject(at: "\(folder)/c.json")["labels"] != nil)
      #expect(try evaluate(["--label-errors-output", "d.txt"], in: folder).status == 64)
      #expect(try evaluate(["--label-errors-output", "d.csv", "--label-errors-format", "fiftyone"]).status == 64)
      #expect(try evaluate(["--intervals", "--bootstrap", "0"]).status == 64)
    }
  }

  @Test func compressedFilesAreReadAsTheyAre() throws {
    try withTemporaryFolder { folder in
      let plain = try evaluate(["--format", "json"]).output
      for (path, name) in [(annotations, "gt.json.gz"), (results, "dt.json.gz")] {
        let file = try DurableFile(at: "\(folder)/\(name)")
        let writer = try GzipWriter(file)
        try fileBytes(path).withUnsafeBytes { try writer.write($0) }
        try writer.finish()
        try file.commit()
      }
      let packed = try runBags(
        ["evaluate", "--annotations", "gt.json.gz", "--results", "dt.json.gz", "--format", "json"], in: folder)
      #expect(packed.status == 0)
      // Warnings name their file.
      let metrics = try [plain, packed.output].map { try jsonObject($0).compactMapValues { $0 as? Double } }
      #expect(metrics[0] == metrics[1] && metrics[0].count == 13)
      let page = try runBags(["report", "dt.json.gz", "--annotations", "gt.json.gz", "--output", "p.html"], in: folder)
      #expect(page.status == 0, "\(page.error)")
      #expect(FileManager.default.fileExists(atPath: "\(folder)/p.html"))
      let half = try fileBytes("\(folder)/dt.json.gz").prefix(500)
      try Data(half).write(to: URL(fileURLWithPath: "\(folder)/half.json.gz"))
      let cut = try runBags(["evaluate", "--annotations", "gt.json.gz", "--results", "half.json.gz"], in: folder)
      #expect(cut.status == 1 && cut.error.contains("half.json.gz: is compressed, and ends in the middle"))
    }
  }
}
