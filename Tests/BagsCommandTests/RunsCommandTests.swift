import Foundation
import TestSupport
import Testing

@Suite struct RunsCommandTests {
  /// Three runs, of which one was evaluated and one interrupted.
  private func withRuns(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let inputs = ["train", "--features", "train", "--annotations", "train.json", "--epochs", "2", "--threads", "1"]
      for (name, options) in [("a", ["--method", "softmax"]), ("b", ["--others-ratio", "3"]), ("c", [])] {
        let run = try runBags(inputs + options + ["--output", "runs/\(name)"], in: folder)
        #expect(run.status == 0, "\(run.error)")
      }
      try #"{"AP": 0.25, "APr": -1, "APc": 0.1, "APf": 0.5}"#
        .write(toFile: "\(folder)/runs/b/evaluation.json", atomically: true, encoding: .utf8)
      try FileManager.default.moveItem(atPath: "\(folder)/runs/c", toPath: "\(folder)/runs/c.partial")
      try body(folder)
    }
  }

  @Test func listsRunsWithSettingsAndScores() throws {
    try withRuns { folder in
      let run = try runBags(["runs"], in: folder)
      let lines = run.output.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: true) }
      #expect(run.status == 0 && run.error.isEmpty)
      #expect(lines.count == 4)
      #expect(lines[0] == ["run", "method", "begun", "(UTC)", "time", "loss", "AP", "APc", "APf", "settings"])
      #expect(lines[1].prefix(2) == ["a", "softmax"] && lines[1].suffix(5) == ["–", "–", "–", "epochs", "2"])
      #expect(lines[2].contains("25.00") && lines[2].suffix(4) == ["others-ratio", "3,", "epochs", "2"])
      #expect(lines[3].first == "c.partial" && lines[3].contains("interrupted"))
      #expect(!run.output.contains("\u{1B}"))
      let latex = try runBags(["runs", "--format", "latex"], in: folder)
      #expect(latex.output.contains("run & method & begun (UTC) & time & loss & AP & APc & APf & settings \\\\"))
    }
  }

  @Test func sortsAndPrintsJSON() throws {
    try withRuns { folder in
      let run = try runBags(["runs", "--sort", "APf", "--format", "json"], in: folder)
      let object = try jsonObject(run.output)
      let runs = try #require(object["runs"] as? [[String: Any]])
      #expect(runs.map { $0["name"] as? String } == ["b", "a", "c.partial"])
      #expect((runs[0]["settings"] as? [String: String])?["others-ratio"] == "3")
      #expect((runs[0]["metrics"] as? [String: Double]) == ["AP": 0.25, "APc": 0.1, "APf": 0.5])
      let mistyped = try runBags(["runs", "--sort", "APx"], in: folder)
      #expect(mistyped.status == 1 && mistyped.error.contains("did you mean AP"))
    }
  }

  @Test func passesOverWhatCannotBeRead() throws {
    try withRuns { folder in
      try "{".write(toFile: "\(folder)/runs/a/run.json", atomically: true, encoding: .utf8)
      try "[]".write(toFile: "\(folder)/runs/b/evaluation.json", atomically: true, encoding: .utf8)
      let run = try runBags(["runs"], in: folder)
      #expect(run.status == 0 && run.output.contains("unreadable"))
      #expect(run.error.contains("runs/a/run.json") && run.error.contains("runs/b/evaluation.json"))
    }
  }

  @Test func saysWhereThereIsNothing() throws {
    try withTemporaryFolder { folder in
      let nowhere = try runBags(["runs"], in: folder)
      #expect(nowhere.status == 1 && nowhere.error.contains("runs: no such folder of runs; `bags train` makes one"))
      try FileManager.default.createDirectory(atPath: "\(folder)/empty", withIntermediateDirectories: true)
      #expect(try runBags(["runs", "empty"], in: folder).output == "no runs in empty\n")
    }
  }

  // MARK: bags show

  @Test func showsAllOfARun() throws {
    try withRuns { folder in
      let run = try runBags(["show", "runs/b"], in: folder)
      #expect(run.status == 0 && run.error.isEmpty, "\(run.error)")
      for part in [
        "b  complete, begun", "others-ratio      3  *", "10,100,1000", "G1", "end of epoch", "25.00",
        "head.safetensors",
        "bags train --config runs/b/run.json",
      ] {
        #expect(run.output.contains(part), "\(part) in \(run.output)")
      }
      let partial = try runBags(["show", "runs/c"], in: folder)
      #expect(partial.output.contains("goes on with   bags train --resume runs/c\n"))
      try FileManager.default.removeItem(atPath: "\(folder)/train.json")
      #expect(try runBags(["show", "runs/b"], in: folder).output.contains("train.json is not there any more"))
    }
  }

  @Test func showsARunAsJSON() throws {
    try withRuns { folder in
      let run = try runBags(["show", "runs/b/", "--format", "json"], in: folder)
      let object = try jsonObject(run.output)
      #expect(object["state"] as? String == "complete" && (object["losses"] as? [Any])?.count == 2)
      #expect((object["groups"] as? [Any])?.count == 4 && (object["metrics"] as? [String: Double])?["AP"] == 0.25)
      #expect((object["settings"] as? [String: String])?["epochs"] == "2")
    }
  }

  @Test(arguments: [
    (["show", "runs/bb"], 1, "runs/bb: no such run; did you mean b?"),
    (["show", "train"], 1, "train: is no run: it holds no run.json"),
    (["show"], 1, "there is no runs/latest here"),
  ])
  func namesMistakes(arguments: [String], status: Int32, message: String) throws {
    try withRuns { folder in
      try FileManager.default.removeItem(atPath: "\(folder)/runs/latest")
      let run = try runBags(arguments, in: folder)
      #expect(run.status == status && run.error.contains(message), "\(run.error)")
    }
  }
}
