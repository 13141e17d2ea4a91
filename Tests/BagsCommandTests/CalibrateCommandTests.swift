import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

@Suite struct CalibrateCommandTests {
  private func withTrainedRun(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let run = try runBags(
        [
          "train", "--features", "train", "--annotations", "train.json", "--method", "softmax", "--epochs", "3",
          "--output", "runs/softmax",
        ], in: folder)
      #expect(run.status == 0, "\(run.error)")
      try body(folder)
    }
  }

  /// Each calibration of the latest run makes a run that the other commands take.
  @Test func everyCalibrationIsARunLikeAnyOther() throws {
    try withTrainedRun { folder in
      let before = try fileBytes("\(folder)/runs/softmax/head.safetensors")
      // The classes of a softmax head compete already.
      let methods = CalibrationMethod.all.filter { $0.name != "competition" }
      for method in methods {
        let name = method.name
        let run = try runBags(
          ["calibrate", "runs/softmax", "--method", name, "--output", "runs/\(name)"], in: folder)
        #expect(run.status == 0 && run.output.hasPrefix("runs/\(name): softmax+\(name)"), "\(name): \(run.error)")
        let record = try RunFolder(at: "\(folder)/runs/\(name)").record()
        #expect(
          record.calibration?.method == MethodChoice(name: name, parameters: try MethodParameters(of: method).values))
        #expect(record.inputs["init"]?.path == "runs/softmax/head.safetensors" && record.sweep == nil)
        let predicted = try runBags(
          ["predict", "runs/\(name)", "--features", "val", "--annotations", "val.json", "--output", "\(name).json"],
          in: folder)
        #expect(predicted.status == 0, "\(name): \(predicted.error)")
        let scored = try runBags(["evaluate", "--annotations", "val.json", "--results", "\(name).json"], in: folder)
        #expect(scored.status == 0 && scored.output.contains("AP"), "\(scored.error)")
      }
      let runs = methods.map { "runs/\($0.name)" }
      let norms = try runBags(["report", "weightnorms"] + runs + ["--output", "norms"], in: folder)
      #expect(norms.status == 0, "\(norms.error)")
      for run in runs {
        let page = try runBags(["report", run], in: folder)
        #expect(page.status == 0, "\(page.error)")
        let html = try String(contentsOfFile: "\(folder)/\(run)/report.html", encoding: .utf8)
        #expect(html.contains("bags calibrate runs/softmax/head.safetensors"))
        let shown = try runBags(["show", run], in: folder)
        #expect(shown.output.contains("bags calibrate runs/softmax/head.safetensors --method"), "\(shown.error)")
      }
      #expect(try fileBytes("\(folder)/runs/softmax/head.safetensors") == before)
      let repeated = try runBags(["train", "--config", "runs/tau-norm/run.json"], in: folder)
      #expect(repeated.status == 1 && repeated.error.contains("runs/tau-norm/run.json: is of `bags calibrate"))
    }
  }

  /// One that trains and was cut off ends as one that was not, to the last byte.
  @Test(arguments: ["lws", "crt", "tail-finetune"]) func oneThatTrainsIsResumed(name: String) throws {
    try withTrainedRun { folder in
      let files = FileManager.default
      let options = [
        "calibrate", "runs/softmax", "--method", name, "--epochs", "400", "--images-per-batch", "4", "--threads", "1",
      ]
      let whole = try runBags(options + ["--output", "runs/whole"], in: folder)
      #expect(whole.status == 0, "\(whole.error)")
      let process = try startBags(options + ["--output", "runs/cut"], in: folder)
      let metrics = "\(folder)/runs/cut.partial/metrics.jsonl"
      while process.isRunning, ((try? files.attributesOfItem(atPath: metrics))?[.size] as? Int ?? 0) == 0 {
        usleep(1000)
      }
      process.interrupt()
      process.waitUntilExit()
      #expect(process.terminationStatus == 130)
      // It goes by its command, and nothing is written over by accident.
      let shown = try runBags(["show", "runs/cut"], in: folder)
      #expect(shown.output.contains("goes on with   bags calibrate --resume runs/cut\n"), "\(shown.output)")
      let trained = try runBags(["train", "--resume", "runs/cut"], in: folder)
      #expect(trained.status == 1 && trained.error.contains("bags calibrate --resume runs/cut"), "\(trained.error)")
      let again = try runBags(options + ["--output", "runs/cut"], in: folder)
      #expect(again.status == 1 && again.error.contains("bags calibrate --resume runs/cut"), "\(again.error)")
      let other = try runBags(["calibrate", "--resume", "runs/cut", "--seed", "1"], in: folder)
      #expect(other.status == 64 && other.error.contains("--seed cannot be given with it"), "\(other.error)")
      let resumed = try runBags(["calibrate", "--resume", "runs/cut"], in: folder)
      #expect(resumed.status == 0 && resumed.error.contains("going on after step"), "\(resumed.error)")
      #expect(!files.fileExists(atPath: "\(folder)/runs/cut.partial"))
      let heads = try ["whole", "cut"].map {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/runs/\($0)/head.safetensors"))
      }
      #expect(heads[0] == heads[1])
      let steps = try ["whole", "cut"].map { try RunFolder(at: "\(folder)/runs/\($0)").metrics().map(\.step) }
      #expect(steps[0] == steps[1] && steps[0].last == 10_000)
    }
  }

  @Test func oneThatFailsLeavesNothing() throws {
    try withTrainedRun { folder in
      let failed = try runBags(
        ["calibrate", "runs/softmax", "--method", "tail-finetune", "--tail-below", "1", "--output", "runs/none"],
        in: folder)
      #expect(failed.status == 1)
      let diverged = try runBags(
        [
          "calibrate", "runs/softmax", "--method", "crt", "--learning-rate", "1e4", "--epochs", "3", "--output",
          "runs/d",
        ],
        in: folder)
      let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/runs").sorted()
      #expect(names == (diverged.status == 0 ? ["d", "latest", "softmax"] : ["latest", "softmax"]))
    }
  }

  /// The same calibration says the same of itself, whoever made it.
  @Test(arguments: ["tau-norm", "lws"]) func aRecordDoesNotDependOnTheCommand(name: String) throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let compared = try runBags(
        [
          "compare", "--features", "train", "--annotations", "train.json", "--val", "val", "--val-annotations",
          "val.json", "--epochs", "1", "--threads", "1", "--methods", "softmax+\(name)", "--format", "json",
        ], in: folder)
      #expect(compared.status == 0, "\(compared.error)")
      let object = try JSONSerialization.jsonObject(with: Data(compared.output.utf8)) as? [String: Any]
      let run = try #require(((object?["methods"] as? [[String: Any]])?.first?["runs"] as? [String])?.first)
      let first = try RunFolder(at: "\(folder)/\(run)").record()
      let base = ((try #require(first.inputs["init"]?.path)) as NSString).deletingLastPathComponent
      let calibrated = try runBags(
        ["calibrate", base, "--method", name, "--threads", "1", "--output", "c"], in: folder)
      #expect(calibrated.status == 0, "\(calibrated.error)")
      func json(_ path: String) throws -> [String: NSObject] {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(path)/run.json"))
        var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: NSObject])
        for key in ["created", "result"] { object[key] = nil }
        return object
      }
      let record = try json("c")
      #expect(record == (try json(run)))
      #expect(record["method"] == "softmax+\(name)" as NSString && record["trained_with"] != nil)
    }
  }

  @Test func aSweepChoosesOnTrainingImagesAndPrintsItsTable() throws {
    try withTrainedRun { folder in
      let run = try runBags(
        ["calibrate", "--method", "tau-norm", "--sweep", "tau=0:1:.25", "--output", "runs/swept"], in: folder)
      #expect(run.status == 0, "\(run.error)")
      let lines = run.output.split(separator: "\n")
      #expect(lines.first?.contains("tau") == true && lines.count { $0.hasSuffix("taken") } == 1)
      #expect(run.output.contains("held-out training images, by AP"))
      let record = try RunFolder(at: "\(folder)/runs/swept").record()
      let sweep = try #require(record.sweep)
      #expect(sweep.points.map(\.value) == [0, 0.25, 0.5, 0.75, 1])
      let best = try #require(sweep.best)
      #expect(Double(record.calibration?.method.parameters["tau"] ?? "") == best.value)
      // The head is the whole head calibrated with that value.
      let (start, swept) = (
        try LinearHead(contentsOf: "\(folder)/runs/softmax/head.safetensors"),
        try LinearHead(contentsOf: "\(folder)/runs/swept/head.safetensors")
      )
      #expect(swept.weight == (try start.tauNormalized(tau: best.value).weight) && swept.layout.name == "softmax")
      // One that trains, its epochs tried; the same every time.
      for name in ["a", "b"] {
        let lws = try runBags(
          [
            "calibrate", "runs/softmax", "--method", "lws", "--sweep", "epochs=1:2:1", "--learning-rate=.5",
            "--threads", "1", "--format", "json", "--output", name,
          ], in: folder)
        #expect(lws.status == 0, "\(lws.error)")
        let summary = try jsonObject(lws.output)
        let parameters = try #require(summary["parameters"] as? [String: String])
        #expect(["1", "2"].contains(parameters["epochs"]) && parameters["learning-rate"] == ".5")
        #expect(!(try RunFolder(at: "\(folder)/\(name)").metrics().isEmpty))
      }
      let heads = try ["a", "b"].map { try fileBytes("\(folder)/\($0)/head.safetensors") }
      #expect(heads[0] == heads[1])
    }
  }

  @Test func takesABareHeadWithAnnotationsAndFeatures() throws {
    try withTrainedRun { folder in
      let head = try LinearHead(contentsOf: "\(folder)/runs/softmax/head.safetensors")
      try writeBare(head, to: "\(folder)/bare.safetensors")
      let words = ["calibrate", "bare.safetensors", "--method"]
      let missing = try runBags(words + ["norcal"], in: folder)
      #expect(missing.status == 1 && missing.error.contains("does not name its classes"), "\(missing.error)")
      let noFeatures = try runBags(words + ["ncm", "--annotations", "train.json"], in: folder)
      #expect(noFeatures.status == 1 && noFeatures.error.contains("ncm needs the training RoIs: give --features"))
      let norcal = try runBags(
        words + ["norcal", "--annotations", "train.json", "--gamma", "0.5", "--output", "n"], in: folder)
      #expect(norcal.status == 0, "\(norcal.error)")
      let expected = try head.normalizedCalibrated(gamma: 0.5)
      #expect(try LinearHead(contentsOf: "\(folder)/n/head.safetensors").bias == expected.bias)
      let ncm = try runBags(
        words + ["ncm", "--annotations", "train.json", "--features", "train", "--output", "m"], in: folder)
      #expect(ncm.status == 0, "\(ncm.error)")
    }
  }

  @Test func namesMistakes() throws {
    try withTrainedRun { folder in
      func expect(_ words: [String], _ status: Int32, _ message: String) throws {
        let run = try runBags(["calibrate"] + words, in: folder)
        #expect(run.status == status && run.error.contains(message), "\(words): \(run.error)")
        #expect(run.output.isEmpty)
      }
      try expect(["--method", "tau-nrom"], 64, "did you mean tau-norm?")
      try expect(
        ["--method", "tau-norm", "--gamma", "1"], 64, "--gamma is an option of norcal, but not of the calibration")
      try expect(["--method", "tau-norm", "--tau=-1"], 64, "--tau must be a number from 0 to 10")
      try expect(["--method", "tau-norm", "--sweep", "tau=1:0:.1"], 64, "--sweep")
      try expect(
        ["--method", "tau-norm", "--sweep", "tau=0:11:1"], 64, "--tau must be a number from 0 to 10, not '11'")
      try expect(["--method", "tau-norm", "--sweep", "gamma=0:1:.1"], 64, "gamma is no parameter of tau-norm")
      try expect(["--method", "ncm", "--sweep", "tau=0:1:.1"], 64, "which has none")
      try expect(["--method", "tau-norm", "--tau", "1", "--sweep", "tau=0:1:.1"], 64, "contradict each other")
      try expect(["--method", "tau-norm", "--held-out", "1"], 64, "--held-out")
      try expect(["a", "b", "--method", "tau-norm"], 64, "Unexpected argument 'b'")
      try expect(["nowhere", "--method", "tau-norm"], 1, "nowhere: no such run or head file")
      try expect(["--method", "tau-norm", "--output", "runs/softmax"], 1, "--overwrite")
      try expect(["--method", "tail-finetune", "--tail-below", "1"], 1, "no image shows a class with fewer than 1")
      let bags = try runBags(
        ["train", "--features", "train", "--annotations", "train.json", "--epochs", "1", "--output", "bags"],
        in: folder)
      #expect(bags.status == 0)
      try expect(
        ["bags", "--method", "norcal"], 1,
        "bags/head.safetensors: NorCal renormalises one softmax over background and all classes; a grouped-sigmoid head"
      )
      try FileManager.default.removeItem(atPath: "\(folder)/train/shard-00000.safetensors")
      try expect(["runs/softmax", "--method", "ncm"], 1, "train")
    }
  }

  /// The detector's own head on real features, against PyTorch: its README's row "its τ-norm (τ 1)".
  @Test(.enabled(if: sharedDataPath("glyphs") != nil)) func glyphsScoreAsTheReference() throws {
    let glyphs = try #require(sharedDataPath("glyphs"))
    let files = try FileManager.default.contentsOfDirectory(atPath: glyphs).sorted()
    let (train, val) = (
      try #require(files.first { $0.contains("train") && $0.hasSuffix(".json") }),
      try #require(files.first { $0.contains("val") && $0.hasSuffix(".json") })
    )
    try withTemporaryFolder { folder in
      let calibrated = try runBags(
        [
          "calibrate", "\(glyphs)/baseline_head.safetensors", "--annotations", "\(glyphs)/\(train)", "--method",
          "tau-norm", "--tau", "1", "--output", "t",
        ], in: folder)
      #expect(calibrated.status == 0, "\(calibrated.error)")
      let predicted = try runBags(
        [
          "predict", "t", "--features", "\(glyphs)/val", "--annotations", "\(glyphs)/\(val)", "--output",
          "r.json",
        ], in: folder)
      #expect(predicted.status == 0, "\(predicted.error)")
      let scored = try runBags(
        [
          "evaluate", "--annotations", "\(glyphs)/\(val)", "--results", "r.json", "--groups", "t/groups.json",
          "--format", "json",
        ], in: folder)
      let metrics = try jsonObject(scored.output)
      for (name, expected) in [("AP", 57.46), ("AP50", 71.75), ("APr", 23.74), ("AP1", 21.08), ("AP4", 71.78)] {
        let found = try #require(metrics[name] as? Double) * 100
        #expect(abs(found - expected) < 0.02, "\(name): \(found)")
      }
    }
  }

  private func writeBare(_ head: LinearHead, to path: String) throws {
    try writeSafetensors(
      [
        NamedTensor("fc_cls.weight", floats: head.weight.storage, shape: [head.weight.rows, head.inputs]),
        NamedTensor("fc_cls.bias", floats: head.bias, shape: [head.bias.count]),
      ], to: path)
  }
}
