import Foundation
import TestSupport
import Testing

/// Pages on what evaluations and comparisons wrote.
@Suite struct ReportComparisonTests {
  /// A folder as `bags compare` leaves it: two methods, two seeds, of which the runs of the first are here.
  private func withComparison(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      for method in ["softmax", "bags"] {
        let run = try runBags(
          [
            "train", "--features", "train", "--annotations", "train.json", "--epochs", "2", "--threads", "1",
            "--method", method, "--output", "comparison/runs/\(method)-seed0",
          ], in: folder)
        #expect(run.status == 0, "\(run.error)")
        try evaluation.write(
          toFile: "\(folder)/comparison/runs/\(method)-seed0/evaluation.json", atomically: true, encoding: .utf8)
      }
      try document.write(toFile: "\(folder)/comparison/comparison.json", atomically: true, encoding: .utf8)
      try body(folder)
    }
  }

  private let evaluation = """
    {"AP": 0.5, "AP1": 0.25, "classes": [{"id": 1, "AP": 0.5}, {"id": 2, "AP": -1}],
     "curves": [{"classes": "all", "classCount": 2, "precision": [1, 0.5, 0]},
                {"classes": "G1", "classCount": 2, "precision": [1, 0.5, 0]},
                {"classes": "all", "iou": 0.5, "classCount": 2, "precision": [1, 1, 0]}],
     "confusion": {"pairs": [], "rows": [
       {"classes": "G1", "objects": 4, "correct": 1, "calledAnotherOf": {"G1": 0, "G2": 2}, "missed": 1},
       {"classes": "G2", "objects": 4, "correct": 4, "calledAnotherOf": {}, "missed": 0}]}}
    """

  private let document = """
    {"format": "bags-comparison", "version": 1, "program": "bags 0", "seeds": [0, 1],
     "best": {"AP": ["bags:others-ratio=8"]},
     "settings": {"epochs": 2, "images_per_batch": 16, "learning_rate": 0.01, "milestones": [8, 11], "warmup_steps": 0,
      "momentum": 0.9, "weight_decay": 0.0001, "seed": 0, "threads": 1},
     "methods": [
      {"method": "softmax", "trained_as": "softmax", "learning_rate": 0.01, "parameters": {}, "epochs": 2, "steps": 14, "failures": [],
       "metrics": {"AP": {"mean": 0.25, "spread": 0.01, "values": [0.24, 0.26]}, "AP1": {"mean": 0, "values": [0, 0]}},
       "seconds": {"mean": 1.5, "values": [1.5]}, "runs": ["elsewhere/runs/softmax-seed0", "elsewhere/runs/softmax-seed1"]},
      {"method": "bags:others-ratio=8", "trained_as": "bags:others-ratio=8", "learning_rate": 0.01,
       "parameters": {"others-ratio": "8"}, "epochs": 2,
       "steps": 14, "failures": ["seed 1: diverged"], "metrics": {"AP": {"mean": 0.5, "values": [0.5]}},
       "norm_count_correlation": {"mean": -0.5, "values": [-0.5]}, "runs": ["elsewhere/runs/bags-seed0"]}]}
    """

  @Test func aPageShowsWhatACompareFolderHolds() throws {
    try withComparison { folder in
      let run = try runBags(["report", "comparison/"], in: folder)
      #expect(run.status == 0 && run.output == "comparison/report.html\n", "\(run.error)")
      let html = try String(contentsOfFile: "\(folder)/comparison/report.html", encoding: .utf8)
      #expect(html.contains("<h1>Comparison of 2 methods: comparison</h1>"))
      #expect(html.contains("25.00 ±1.00") && html.contains("<td class=\"number best\">50.00</td>"))
      #expect(html.contains("bags:others-ratio=8, seed 1: diverged"))
      for section in ["Training", "Weight norms", "Precision and recall", "Confusion between groups", "Settings"] {
        #expect(html.contains("<h2>\(section)</h2>"), "\(section)")
      }
      #expect(!html.contains("<h2>Scores</h2>"))
      // It is made anew without asking.
      #expect(try runBags(["report", "comparison"], in: folder).status == 0)
    }
  }

  @Test func scoresComeFromTheResults() throws {
    try withComparison { folder in
      let path = "comparison/runs/bags-seed0"
      let results = #"[{"image_id": 1001, "category_id": 5, "bbox": [1, 2, 3, 4], "score": 0.5}]"#
      try results.write(toFile: "\(folder)/\(path)/results.json", atomically: true, encoding: .utf8)
      #expect(try runBags(["report", path], in: folder).status == 0)
      let html = try String(contentsOfFile: "\(folder)/\(path)/report.html", encoding: .utf8)
      #expect(html.contains("<h2>Scores</h2>"))
      try "[{".write(toFile: "\(folder)/\(path)/results.json", atomically: true, encoding: .utf8)
      let damaged = try runBags(["report", path], in: folder)
      #expect(damaged.status == 1 && damaged.error.contains("\(path)/results.json"), "\(damaged.error)")
    }
  }

  /// Heads and results of no run have pages too, and are told apart by what they hold.
  @Test func bareHeadsAndResultsAreReported() throws {
    try withComparison { folder in
      let run = "comparison/runs/bags-seed0"
      try FileManager.default.copyItem(
        atPath: "\(folder)/\(run)/head.safetensors", toPath: "\(folder)/detector.safetensors")
      func page(_ words: [String]) throws -> String {
        let output = try runBags(["report"] + words + ["--output", "page.html", "--overwrite"], in: folder)
        #expect(output.status == 0, "\(output.error)")
        return try String(contentsOfFile: "\(folder)/page.html", encoding: .utf8)
      }
      for (name, head) in [("a.safetensors", run), ("b.json", "comparison/runs/softmax-seed0")] {
        let predicted = try runBags(
          ["predict", head, "--features", "val", "--annotations", "val.json", "--output", name], in: folder)
        #expect(predicted.status == 0, "\(predicted.error)")
      }
      let counted = try page(["detector.safetensors", "--annotations", "train.json"])
      #expect(counted.contains("<h1>Head detector</h1>") && counted.contains("<h2>Weight norms</h2>"))
      let results = try page(["a.safetensors", "b.json", "--annotations", "val.json"])
      #expect(results.contains("<h1>Comparison of a.safetensors, b.json</h1>"))
      #expect(results.contains("Differences to a.safetensors") && results.contains("<td>APr</td>"))
      #expect(!results.contains("<h2>Scores</h2>"))
      let grouped = try page(["a.safetensors", "--annotations", "val.json", "--groups", "\(run)/groups.json"])
      #expect(grouped.contains("<h2>Scores</h2>") && grouped.contains("<td>AP1</td>"))
      let mixed = try page(["a.safetensors", "detector.safetensors", run, "--annotations", "val.json"])
      #expect(mixed.contains("<h1>Comparison of a.safetensors, detector, bags-seed0</h1>"))
      let unscored = try runBags(["report", "b.json"], in: folder)
      #expect(unscored.status == 1 && unscored.error.contains("b.json: detections are scored against"))
      // What a run keeps is scored too; its own evaluation states other numbers.
      try FileManager.default.copyItem(atPath: "\(folder)/b.json", toPath: "\(folder)/\(run)/results.json")
      #expect(try page([run]).contains("<td class=\"number\">50.00</td>"))
      #expect(try !page([run, "--annotations", "val.json"]).contains("<td class=\"number\">50.00</td>"))
    }
  }

  @Test(arguments: [#"{"format": "bags-comparison"}"#, "[]", #"{"format": "other", "seeds": [], "methods": []}"#])
  func anUnfinishedComparisonIsRefused(text: String) throws {
    try withTemporaryFolder { folder in
      try text.write(toFile: "\(folder)/comparison.json", atomically: true, encoding: .utf8)
      let run = try runBags(["report", "."], in: folder)
      #expect(run.status == 1 && run.error.contains("./comparison.json: holds no results"), "\(run.error)")
    }
  }
}
