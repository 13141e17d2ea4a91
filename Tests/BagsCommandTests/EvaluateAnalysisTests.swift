import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

/// `bags evaluate` with its analyses and files.
@Suite struct EvaluateAnalysisTests {
  private let files = [
    "--annotations", goldenPath("evaluation/tide_gt.json"), "--results", goldenPath("evaluation/tide_dt.json"),
  ]

  private func evaluate(_ arguments: [String], in folder: String? = nil) throws -> CommandOutput {
    try runBags(["evaluate"] + files + arguments, in: folder)
  }

  private func read(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test func everyAnalysisIsInTheJSON() throws {
    let output = try evaluate(["--losses", "--errors", "--confusion", "--format", "json"])
    #expect(output.status == 0, "\(output.error)")
    let root = try jsonObject(output.output)
    #expect(root["classes"] == nil && root["AP50"] as? Double != nil)
    let errors = try #require(root["errors"] as? [[String: Any]])
    #expect(errors.map { $0["classes"] as? String } == ["all", "r", "c", "f"])
    let kinds = try #require(errors[0]["errors"] as? [String: [String: Any]])
    let expected = try jsonObject(try read(goldenPath("evaluation/expected_tide.json")))
    let gains = try #require(expected["gain"] as? [String: Double])
    #expect(Set(kinds.keys) == Set(gains.keys))
    for (kind, gain) in gains { #expect(abs((kinds[kind]?["gain"] as? Double ?? .nan) - gain) < 1e-12) }
    let losses = try #require((root["losses"] as? [String: Any])?["rows"] as? [[String: Any]])
    #expect(losses[0]["given"] as? Int == 267 && losses[0]["not_searched"] as? Int == 50)
    #expect(losses[0]["true_positives"] as? Int == errors[0]["found"] as? Int)
    let confusion = try #require((root["confusion"] as? [String: Any])?["rows"] as? [[String: Any]])
    for row in confusion {
      let wrong = try #require(row["called_another_of"] as? [String: Int]).values.reduce(0, +)
      let parts = [row["correct"], row["missed"]].compactMap { $0 as? Int }.reduce(wrong, +)
      #expect(row["objects"] as? Int == parts)
    }
  }

  @Test func tablesShowEveryAnalysis() throws {
    let text = try evaluate(["--losses", "--errors", "--confusion"]).output
    for word in [
      "over the cap", "image not searched for the class", "AP50 to gain", "localization", "another of f", "missed",
    ] {
      #expect(text.contains(word), "\(word)")
    }
    #expect(try evaluate([]).output.split(separator: "\n").count == 14)
  }

  @Test func classesAreSorted() throws {
    func names(_ arguments: [String]) throws -> [String] {
      let root = try jsonObject(try evaluate(["--per-class", "--format", "json"] + arguments).output)
      return try #require(root["classes"] as? [[String: Any]]).map { "\($0["id"] ?? "")" }
    }
    func values(_ key: String, _ arguments: [String]) throws -> [Double] {
      let root = try jsonObject(try evaluate(["--per-class", "--format", "json"] + arguments).output)
      return try #require(root["classes"] as? [[String: Any]]).compactMap { ($0[key] as? NSNumber)?.doubleValue }
    }
    #expect(try names([]) == ["3", "5", "8", "13", "21", "34"])
    #expect(try names(["--reverse"]) == ["34", "21", "13", "8", "5", "3"])
    #expect(try names(["--sort", "name"]) == ["13", "21", "3", "34", "5", "8"])
    #expect(try names(["--sort", "frequency"]) == ["21", "34", "8", "13", "3", "5"])
    for (column, key) in [("ap", "AP"), ("AP50", "AP50"), ("count", "objects"), ("detections", "detections")] {
      let sorted = try values(key, ["--sort", column])
      #expect(sorted == sorted.sorted(by: >) && sorted.count == 6, "\(column)")
      #expect(try values(key, ["--sort", column, "--reverse"]) == sorted.sorted())
    }
    // No object is large: nothing to sort by, so the classes stay in order.
    #expect(try names(["--sort", "apl"]) == ["3", "5", "8", "13", "21", "34"])
    let unknown = try evaluate(["--sort", "ap550"])
    #expect(unknown.status == 64 && unknown.error.contains("did you mean ap50?"))
  }

  @Test func classTableGoesToAFile() throws {
    try withTemporaryFolder { folder in
      #expect(try evaluate(["--per-class-output", "c.csv", "--sort", "ap"], in: folder).status == 0)
      let lines = try read("\(folder)/c.csv").split(separator: "\n").map(String.init)
      #expect(lines.count == 7)
      #expect(lines[0].hasPrefix("id,name,frequency,objects,detections,AP,AP50,AP75,APs,APm,APl,AR"))
      // What cannot be measured is empty: no object is large.
      #expect(lines.dropFirst().allSatisfy { $0.split(separator: ",", omittingEmptySubsequences: false)[10].isEmpty })
      #expect(try evaluate(["--per-class-output", "c.json"], in: folder).status == 0)
      let rows = try #require(
        try JSONSerialization.jsonObject(with: Data(try read("\(folder)/c.json").utf8)) as? [[String: Any]])
      #expect(rows.count == 6 && rows[0]["id"] as? Int == 3 && rows[0]["APl"] as? Double == -1)
      let again = try evaluate(["--per-class-output", "c.csv"], in: folder)
      #expect(again.status == 1 && again.error.contains("c.csv: exists") && again.output.isEmpty)
      #expect(try evaluate(["--per-class-output", "c.csv", "--overwrite"], in: folder).status == 0)
      #expect(try evaluate(["--per-class-output", "c.txt"], in: folder).status == 64)
    }
  }

  @Test func curvesGoToAFile() throws {
    try withTemporaryFolder { folder in
      let output = try evaluate(["--curves", "p.csv", "--format", "json"], in: folder)
      #expect(output.status == 0, "\(output.error)")
      let lines = try read("\(folder)/p.csv").split(separator: "\n").map(String.init)
      // All, r, c, f and six classes; the mean, .5 and .75; 101 points each.
      #expect(lines.count == 1 + 10 * 3 * 101)
      #expect(lines[0] == "classes,id,name,iou,recall,precision")
      #expect(lines[1].hasPrefix("all,,,mean,0.0,") && lines[101].hasPrefix("all,,,mean,1,"))
      func mean(_ prefix: String) -> Double {
        lines.filter { $0.hasPrefix(prefix) }.compactMap { Double($0.split(separator: ",").last ?? "") }.reduce(0, +)
          / 101
      }
      let root = try jsonObject(output.output)
      #expect(abs(mean("all,,,mean,") - (root["AP"] as? Double ?? .nan)) < 1e-12)
      #expect(abs(mean("all,,,0.5,") - (root["AP50"] as? Double ?? .nan)) < 1e-12)
      #expect(abs(mean("r,,,mean,") - (root["APr"] as? Double ?? .nan)) < 1e-12)
      #expect((root["curves"] as? [[String: Any]])?.count == 12)
      #expect(try evaluate(["--curves", "p.json"], in: folder).status == 0)
      let curves = try #require(
        try JSONSerialization.jsonObject(with: Data(try read("\(folder)/p.json").utf8)) as? [[String: Any]])
      #expect(
        curves.count == 30 && (curves[29]["precision"] as? [Double])?.count == 101 && curves[29]["id"] as? Int == 34)
    }
  }

  /// What `--output` writes is what `bags report ap` reads.
  @Test func outputIsReadByTheReport() throws {
    try withTemporaryFolder { folder in
      #expect(try evaluate(["--output", "evaluation.json", "--errors"], in: folder).status == 0)
      let root = try jsonObject(try read("\(folder)/evaluation.json"))
      #expect((root["classes"] as? [[String: Any]])?.count == 6 && root["errors"] != nil)
      let report = try runBags(["report", "ap", "evaluation.json", "--format", "json"], in: folder)
      #expect(report.status == 0, "\(report.error)")
      let results = try #require(try jsonObject(report.output)["results"] as? [[String: Any]])
      let metrics = try #require(results[0]["metrics"] as? [String: Double])
      #expect(metrics["AP"] == root["AP"] as? Double && metrics["APr"] == root["APr"] as? Double)
      let again = try evaluate(["--output", "evaluation.json"], in: folder)
      #expect(again.status == 1 && again.error.contains("--overwrite"))
    }
  }

  @Test func otherResultsAreComparedWith() throws {
    try withTemporaryFolder { folder in
      // The other results lack the first half of the detections.
      let all = try #require(
        try JSONSerialization.jsonObject(with: Data(try read(goldenPath("evaluation/tide_dt.json")).utf8)) as? [Any])
      let other = "\(folder)/other.json"
      try JSONSerialization.data(withJSONObject: Array(all.dropFirst(130))).write(to: URL(fileURLWithPath: other))
      let arguments = ["--compare", other, "--bootstrap", "200", "--seed", "5", "--per-class"]
      let first = try evaluate(arguments + ["--format", "json"])
      #expect(first.status == 0, "\(first.error)")
      let root = try jsonObject(first.output)
      let comparison = try #require(root["comparison"] as? [String: Any])
      let metrics = try #require(comparison["metrics"] as? [String: [String: Any]])
      let entry = try #require(metrics["AP"])
      let (value, against) = (try #require(entry["value"] as? Double), try #require(entry["other"] as? Double))
      #expect(value == root["AP"] as? Double)
      #expect(abs((entry["difference"] as? Double ?? .nan) - (value - against)) < 1e-12)
      let bare = try runBags(["evaluate", "--annotations", files[1], "--results", other, "--format", "json"])
      #expect(try jsonObject(bare.output)["AP"] as? Double == against)
      let interval = try #require(entry["interval"] as? [Double])
      #expect(interval[0] < value - against && value - against < interval[1])
      #expect((comparison["classes"] as? [String: Any])?.count == 6)
      #expect(try evaluate(arguments + ["--format", "json"]).output == first.output)
      let table = try evaluate(arguments + ["--sort", "difference"])
      #expect(table.output.contains("ΔAP") && table.output.contains("clearly better"))
      #expect(try evaluate(["--compare", other, "--bootstrap", "3"]).status == 64)
      let none = try jsonObject(try evaluate(["--compare", other, "--bootstrap", "0", "--format", "json"]).output)
      let without = try #require((none["comparison"] as? [String: Any])?["metrics"] as? [String: [String: Any]])
      #expect(without["AP"]?["interval"] == nil && without["AP"]?["difference"] != nil)
    }
  }

  /// Two runs keep their detections under one name: comparisons call them by the runs'.
  @Test func resultsOfRunsGoByTheRunsNames() throws {
    try withTemporaryFolder { folder in
      for run in ["first", "second"] {
        try FileManager.default.createDirectory(
          atPath: "\(folder)/runs/\(run)", withIntermediateDirectories: true)
        try "{}".write(toFile: "\(folder)/runs/\(run)/run.json", atomically: true, encoding: .utf8)
        try FileManager.default.copyItem(atPath: files[3], toPath: "\(folder)/runs/\(run)/results.json")
      }
      let inputs = [
        "evaluate", "--annotations", files[1], "--results", "runs/second/results.json", "--bootstrap", "20",
        "--compare",
      ]
      let table = try runBags(inputs + ["runs/first/results.json"], in: folder)
      func titles(_ output: CommandOutput) -> [Substring]? {
        output.output.split(separator: "\n").last { $0.hasPrefix("metric") }?.split(separator: " ")
      }
      #expect(table.status == 0 && titles(table) == ["metric", "first", "second", "Δ", "95", "%"], "\(table.error)")
      let latex = try runBags(inputs + ["runs/first/results.json", "--format", "latex"], in: folder)
      #expect(latex.output.contains("metric & first & second & $\\Delta$ & 95 \\% \\\\"), "\(latex.output)")
      #expect(latex.output.contains("over 20 draws of the images"))
      let printed = try runBags(inputs + ["runs/first/results.json", "--format", "json"], in: folder)
      let json = try jsonObject(printed.output)
      #expect((json["comparison"] as? [String: Any])?["other_name"] as? String == "first")
      // Elsewhere the file's name tells them apart.
      let other = try runBags(inputs + [files[3]], in: folder)
      #expect(titles(other)?[1...2] == ["tide_dt.json", "second"])
    }
  }

  @Test func masksAreAnalysed() throws {
    let output = try runBags([
      "evaluate", "--annotations", goldenPath("evaluation/edge_gt.json"), "--results",
      goldenPath("evaluation/edge_dt_segm.json"), "--iou-type", "segm", "--errors", "--confusion", "--losses",
      "--format",
      "json", "--fix-id-zero",
    ])
    #expect(output.status == 0, "\(output.error)")
    let root = try jsonObject(output.output)
    let errors = try #require(root["errors"] as? [[String: Any]])
    #expect(abs((errors[0]["AP50"] as? Double ?? .nan) - (root["AP50"] as? Double ?? .nan)) < 1e-12)
  }
}
