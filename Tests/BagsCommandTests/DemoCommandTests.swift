import Foundation
import TestSupport
import Testing

@Suite struct DemoCommandTests {
  private struct Metrics: Decodable {
    struct Method: Decodable {
      let method: String
      let metrics: [String: Double]
      let rank_correlation: Double
      let mean_norms: [String: Double]
    }
    let format: String
    let seed: Int
    let methods: [Method]
  }

  private static func metrics(_ data: Data) throws -> (softmax: Metrics.Method, bags: Metrics.Method) {
    let methods = try JSONDecoder().decode(Metrics.self, from: data).methods
    try #require(
      methods.map(\.method) == ["softmax", "bags", "softmax-tuned", "bags-tuned", "softmax+class-balanced"])
    // A fair rate lifts softmax by more than the method does at the published one.
    #expect((methods[2].metrics["AP"] ?? 0) > (methods[1].metrics["AP"] ?? 1))
    #expect((methods[4].metrics["AP1"] ?? 0) > (methods[0].metrics["AP1"] ?? 1) + 0.3)
    return (methods[0], methods[1])
  }

  @Test func showsThatBAGSFindsTheRareClasses() throws {
    try withTemporaryFolder { folder in
      let first = try runBags(["demo"], in: folder)
      #expect(first.status == 0, "\(first.error)")
      #expect(first.output.contains("AP1") && first.output.contains("report  Reports/demo/README.md"))
      let report = "\(folder)/Reports/demo"
      let data = try fileBytes("\(report)/metrics.json")
      let (softmax, bags) = try Self.metrics(data)
      func gain(_ metric: String) -> Double { (bags.metrics[metric] ?? -1) - (softmax.metrics[metric] ?? 2) }
      #expect((softmax.metrics["AP1"] ?? 1) < 0.08)
      #expect(gain("AP1") > 0.2 && gain("AP2") > 0.03 && gain("AP") > 0.07)
      #expect(abs(gain("AP4")) < 0.03 && abs(gain("AP3")) < 0.03)
      #expect(softmax.rank_correlation > 0.9 && bags.rank_correlation < softmax.rank_correlation)
      #expect((softmax.mean_norms["G1"] ?? 1) < 0.25 * (softmax.mean_norms["G4"] ?? 0))
      #expect((bags.mean_norms["G1"] ?? 0) > 0.6 * (bags.mean_norms["G4"] ?? 1))

      for name in [
        "README.md", "weightnorms.svg", "weightnorms.csv", "ap.svg", "ap.csv", "data/annotations_train.json",
        "data/val/shard-00000.safetensors", "runs/softmax/head.safetensors", "runs/bags/run.json",
        "runs/bags/evaluation.json", "runs/bags/results.json",
      ] {
        #expect(FileManager.default.fileExists(atPath: "\(report)/\(name)"), "\(name)")
      }
      let page = String(decoding: try fileBytes("\(report)/report.html"), as: UTF8.self)
      for section in ["Training", "Weight norms", "Precision and recall", "Scores", "Confusion between groups"] {
        #expect(page.contains("<h2>\(section)</h2>"), "\(section)")
      }
      let record = String(decoding: try fileBytes("\(report)/runs/bags/run.json"), as: UTF8.self)
      #expect(record.contains("Reports/demo/data/train") && !record.contains("partial"))

      // Again: the same report in the same place, as JSON.
      let second = try runBags(["demo", "--format", "json"], in: folder)
      #expect(second.status == 0, "\(second.error)")
      #expect(try Self.metrics(Data(second.output.utf8)).bags.metrics == bags.metrics)
      #expect(try fileBytes("\(report)/metrics.json") == data)
      #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/Reports") == ["demo"])
    }
  }

  @Test func leavesOtherFoldersAlone() throws {
    try withTemporaryFolder { folder in
      let mine = "\(folder)/mine"
      try FileManager.default.createDirectory(atPath: mine, withIntermediateDirectories: true)
      try Data("keep".utf8).write(to: URL(fileURLWithPath: "\(mine)/notes.txt"))
      let refused = try runBags(["demo", "--output", mine], in: folder)
      #expect(refused.status == 1 && refused.output.isEmpty)
      #expect(refused.error.contains(mine) && refused.error.contains("--overwrite"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: mine) == ["notes.txt"])

      let replaced = try runBags(["demo", "--output", mine + "/", "--overwrite"], in: folder)
      #expect(replaced.status == 0, "\(replaced.error)")
      #expect(try fileBytes("\(mine)/notes.txt") == Data("keep".utf8))
      #expect(FileManager.default.fileExists(atPath: "\(mine)/README.md"))
    }
  }

  @Test func saysWhereItCannotWrite() throws {
    try withTemporaryFolder { folder in
      try Data().write(to: URL(fileURLWithPath: "\(folder)/file"))
      for output in ["\(folder)/file", "\(folder)/file/below"] {
        let result = try runBags(["demo", "--output", output], in: folder)
        #expect(result.status == 1 && result.output.isEmpty)
        #expect(result.error.contains(output), "\(result.error)")
      }
      #expect(try runBags(["demo", "--seed", "x"], in: folder).status == 64)
    }
  }

  @Test func trainAndReportNeedNoArguments() throws {
    try withTemporaryFolder { folder in
      let train = try runBags(["train"], in: folder)
      #expect(train.status == 0, "\(train.error)")
      #expect(train.error.contains("built-in synthetic set"))
      let report = try runBags(["report", "weightnorms"], in: folder)
      #expect(report.status == 0, "\(report.error)")
      #expect(report.output.contains("weightnorms.svg"))
    }
  }
}
