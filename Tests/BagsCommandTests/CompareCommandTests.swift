import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

@Suite struct CompareCommandTests {
  private static let inputs = [
    "compare", "--features", "train", "--annotations", "train.json", "--val", "val", "--val-annotations", "val.json",
    "--epochs", "3", "--threads", "1", "--learning-rate", "0.1",
  ]

  private func compare(_ folder: String, _ options: [String]) throws -> CommandOutput {
    try runBags(Self.inputs + options, in: folder)
  }

  @Test func writesTableFiguresAndData() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let run = try compare(
        folder, ["--methods", "softmax,bags:others-ratio=3,bags:groups=50+rfs", "--seeds", "2", "--output", "c/x"])
      #expect(run.status == 0, "\(run.error)")
      let lines = run.output.split(separator: "\n")
      #expect(lines[0].hasPrefix("method") && lines[0].contains("APr") && lines[0].contains("norm–count"))
      #expect(lines[2].hasPrefix("bags:others-ratio=3") && lines[2].contains("±"))
      #expect(run.output.contains("*"))
      for name in ["README.md", "comparison.csv", "comparison.json", "ap.svg", "weightnorms.svg", "weightnorms.csv"] {
        let size = (try FileManager.default.attributesOfItem(atPath: "\(folder)/c/x/\(name)"))[.size] as? Int
        #expect((size ?? 0) > 100, "\(name)")
      }
      let text = try String(contentsOfFile: "\(folder)/c/x/README.md", encoding: .utf8)
      #expect(text.contains("bags compare --features train") && text.contains("| bags:groups=50+rfs |"))
      let runs = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/c/x/runs").filter { $0 != "latest" }
      #expect(runs.count == 6)
      let ablation = try #require(runs.first { $0.hasPrefix("bags-groups-50-rfs-seed1-") })
      #expect(try CategoryGroups(contentsOf: "\(folder)/c/x/runs/\(ablation)/groups.json").boundaries == [50])
      let record = try RunFolder(at: "\(folder)/c/x/runs/\(ablation)").record()
      #expect(record.recipe?.sampler?.name == "rfs" && record.settings.seed == 1 && record.settings.learningRate == 0.1)
      // Its runs are runs like others: what they say of themselves is what other commands find.
      let predicted = try runBags(
        ["predict", "c/x/runs/\(ablation)", "--features", "val", "--annotations", "val.json"], in: folder)
      #expect(predicted.status == 0, "\(predicted.error)")
      let evaluated = try runBags(
        ["evaluate", "--annotations", "val.json", "--results", "results.json", "--format", "json"], in: folder)
      let ap = try #require(try jsonObject(evaluated.output)["AP"] as? Double)
      let saved = try jsonObject(at: "\(folder)/c/x/runs/\(ablation)/evaluation.json")
      #expect(saved["AP"] as? Double == ap)
    }
  }

  /// Twelve processes share out the runs of one folder; what those that were killed had begun, the others finish.
  @Test func processesShareAFolder() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let options = [
        "--methods", "softmax,bags,focal,softmax+tau-norm:tau=0.5", "--seeds", "4", "--replicates", "40",
      ]
      let alone = try compare(folder, options + ["--output", "alone"])
      #expect(alone.status == 0, "\(alone.error)")
      let processes = try (0..<12).map {
        try startBags(Self.inputs + options + ["--output", "shared"], in: folder, error: "error\($0).txt")
      }
      for process in processes.prefix(4) {
        Thread.sleep(forTimeInterval: .random(in: 0.05..<1))
        kill(process.processIdentifier, SIGKILL)
      }
      for process in processes.dropFirst(4) { process.waitUntilExit() }
      let said = try (0..<12).map { try String(contentsOfFile: "\(folder)/error\($0).txt", encoding: .utf8) }
      #expect(processes.dropFirst(4).allSatisfy { $0.terminationStatus == 0 }, "\(said)")
      try expectSameResults(in: folder, "shared", "alone")
      // Every run was scored by one of them; who was killed may have died before saying so.
      let scored = said.flatMap { $0.split(separator: "\n").filter { $0.contains(": AP ") } }
      #expect(Set(scored).count == scored.count && scored.count >= 12, "\(scored)")
      let status = try runBags(["compare", "--status", "shared"], in: folder)
      #expect(status.output.hasSuffix("16 done, 0 running, 0 interrupted, 0 failed, 0 left\n"), "\(status.output)")
    }
  }

  /// The same runs and the same table, but for seconds and the folder.
  private func expectSameResults(in folder: String, _ name: String, _ other: String) throws {
    #expect(try results(at: "\(folder)/\(name)") == results(at: "\(folder)/\(other)"))
    let tables = try [name, other].map { name in
      try String(contentsOfFile: "\(folder)/\(name)/comparison.csv", encoding: .utf8).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false)
      }
    }
    let titles = try #require(tables[0].first)
    let others = try ["seconds", "run"].map { try #require(titles.firstIndex(of: Substring($0))) }
    let measured = tables.map { table in
      table.map { row in row.indices.filter { !others.contains($0) }.map { row[$0] } }
    }
    #expect(measured[0] == measured[1])
  }

  /// Parts of the runs, without locks and one after the other: the last one writes the table.
  @Test func partsDivideTheRunsWithoutLocks() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let options = ["--methods", "softmax,bags,softmax+tau-norm:tau=0.5", "--seeds", "2", "--replicates", "40"]
      let alone = try compare(folder, options + ["--output", "alone"])
      #expect(alone.status == 0, "\(alone.error)")
      for part in 1...3 {
        let run = try compare(folder, options + ["--output", "parts", "--shard", "\(part)/3"])
        #expect(run.status == 0, "\(run.error)")
        #expect(run.error.contains("this part is done; \([3, 5, 6][part - 1]) of 6 runs are done") == (part < 3))
        if part == 1 {
          let status = try runBags(["compare", "--status", "parts", "--format", "json"], in: folder)
          let runs = try #require(try jsonObject(status.output)["runs"] as? [[String: Any]])
          let states = runs.map { "\($0["method"] ?? "") \($0["seed"] ?? "") \($0["state"] ?? "")" }
          #expect(
            states == [
              "softmax 0 done", "softmax 1 left", "bags 0 left", "bags 1 done", "softmax+tau-norm:tau=0.5 0 done",
              "softmax+tau-norm:tau=0.5 1 left",
            ])
        }
      }
      try expectSameResults(in: folder, "parts", "alone")
      let refused = try compare(folder, ["--methods", "auto", "--shard", "4/3"])
      #expect(refused.status == 64)
    }
  }

  @Test func tellsWhoWorks() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      #expect(try runBags(["compare", "--status", "nothing"], in: folder).status == 1)
      let process = try startBags(
        Self.inputs + ["--methods", "softmax,bags", "--epochs", "100000", "--output", "c"], in: folder)
      defer { process.terminate() }
      var output = ""
      for _ in 0..<200 where !output.contains("running  ") {
        Thread.sleep(forTimeInterval: 0.1)
        output = try runBags(["compare", "--status", "c"], in: folder).output
      }
      #expect(output.contains("process \(process.processIdentifier)"), "\(output)")
      #expect(output.hasSuffix("0 done, 1 running, 0 interrupted, 0 failed, 1 left\n"), "\(output)")
    }
  }

  /// What was measured, run by run; not how long it took.
  private func results(at folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(folder)/runs").filter { $0 != "latest" }.sorted().map {
      let object = try jsonObject(at: "\(folder)/runs/\($0)/evaluation.json")
      let head = try LinearHead(contentsOf: "\(folder)/runs/\($0)/head.safetensors")
      let digest = head.weight.storage.reduce(UInt32(0)) { $0 &* 31 &+ $1.bitPattern }
      return "\($0) \(object["AP"] ?? "none") \(digest)"
    }
  }

  @Test func papersGetTablesCurvesAndWhatRepeatsThem() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let options = ["--methods", "softmax,bags,softmax+tau-norm:tau=0.5", "--seeds", "2", "--replicates", "40"]
      let run = try compare(folder, options + ["--format", "latex", "--output", "c"])
      #expect(run.status == 0, "\(run.error)")
      #expect(run.output.components(separatedBy: "\\begin{tabular}").count == 3)
      #expect(run.output.contains("less softmax & AP") && run.output.contains("{\\footnotesize ("))
      let object = try jsonObject(at: "\(folder)/c/comparison.json")
      let facts = try #require(object["reproducibility"] as? [String: Any])
      let inputs = try #require(facts["inputs"] as? [[String: String]])
      #expect(inputs.map { $0["name"] } == ["annotations", "features", "val", "val-annotations"])
      #expect(inputs.allSatisfy { $0["fingerprint"]?.contains("-") == true })
      #expect((facts["command"] as? String)?.hasPrefix("bags compare --features train") == true)
      #expect(facts["threads"] as? [Int] == [1] && facts["seeds"] as? [Int] == [0, 1])
      let rows = try String(contentsOfFile: "\(folder)/c/curves.csv", encoding: .utf8).split(separator: "\n")
      let runs = Set(rows.dropFirst().map { $0.split(separator: ",").prefix(2) })
      // What is calibrated without a step has no curve.
      #expect(runs == [["softmax", "0"], ["softmax", "1"], ["bags", "0"], ["bags", "1"]])
      // Each run's events, with what was validated; those of a comparison that is finished are written too.
      for _ in 0..<2 {
        #expect(try compare(folder, options + ["--output", "c", "--tensorboard", "logs"]).status == 0)
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/logs").sorted()
      #expect(names.count == 6 && names[0].hasPrefix("bags-seed0-"))
      #expect(try compare(folder, options + ["--output", "d", "--tensorboard", "live"]).status == 0)
      for logs in ["logs", "live"] {
        let folders = "\(folder)/\(logs)/\(names[0])"
        let files = try FileManager.default.contentsOfDirectory(atPath: folders)
        let data = try fileBytes("\(folders)/\(try #require(files.first))")
        #expect(files.count == 1)
        for tag in ["loss/G0", "learning_rate", "validation/AP1"] {
          #expect(data.range(of: Data(tag.utf8)) != nil, "\(logs) \(tag)")
        }
      }
      let page = try runBags(["report", "c"], in: folder)
      #expect(page.status == 0, "\(page.error)")
      let html = try String(contentsOfFile: "\(folder)/c/report.html", encoding: .utf8)
      #expect(html.contains("Differences to softmax") && html.contains("Thin lines are the other seeds"))
      #expect(html.contains("val-annotations val.json (fingerprint"))
    }
  }

  /// What runs keep is compared and drawn without predicting again, and scores the same.
  @Test func runsKeepTheirDetections() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let methods = ["--methods", "softmax,bags", "--replicates", "0"]
      let bare = try compare(folder, methods + ["--no-keep-detections", "--output", "c"])
      #expect(bare.status == 0 && !bare.error.contains("are kept"), "\(bare.error)")
      func runs() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(folder)/c/runs").filter { $0 != "latest" }.sorted()
          .map { "c/runs/\($0)" }
      }
      let lacking = try runBags(["evaluate", "--annotations", "val.json", "--results", try runs()[0]], in: folder)
      #expect(lacking.status == 1 && lacking.error.contains("keeps no detections; `bags predict"), "\(lacking.error)")
      // The same comparison, asked for them later, trains nothing anew.
      let head = try fileBytes("\(folder)/\(try runs()[0])/head.safetensors")
      let kept = try compare(folder, methods + ["--output", "c"])
      #expect(kept.status == 0 && kept.error.contains("the detections of 2 runs are kept, 0."), "\(kept.error)")
      #expect(try fileBytes("\(folder)/\(try runs()[0])/head.safetensors") == head)
      let inputs = ["evaluate", "--annotations", "val.json", "--results", try runs()[0], "--compare", try runs()[1]]
      let compared = try runBags(inputs + ["--bootstrap", "20", "--format", "json"], in: folder)
      #expect(compared.status == 0, "\(compared.error)")
      let scores = try jsonObject(compared.output)
      let saved = try jsonObject(at: "\(folder)/\(try runs()[0])/evaluation.json")
      for metric in ["AP", "AP50", "APr", "AR@300"] {
        #expect(scores[metric] as? Double == saved[metric] as? Double, "\(metric)")
      }
      let name = try runs()[1].dropFirst("c/runs/".count)
      #expect((scores["comparison"] as? [String: Any])?["other_name"] as? String == String(name))
      // And they are what predict writes, as JSON and as columns.
      for file in ["results.json", "results.safetensors"] {
        let predicted = try runBags(
          ["predict", try runs()[0], "--features", "val", "--annotations", "val.json", "--output", file], in: folder)
        #expect(predicted.status == 0, "\(predicted.error)")
        let again = try runBags(
          ["evaluate", "--annotations", "val.json", "--results", file, "--format", "json"], in: folder)
        #expect(try jsonObject(again.output)["AP"] as? Double == scores["AP"] as? Double, "\(file)")
      }
      #expect(try runBags(["report", "c"], in: folder).status == 0)
      #expect(try String(contentsOfFile: "\(folder)/c/report.html", encoding: .utf8).contains("<h2>Scores</h2>"))
    }
  }

  @Test func rowsHaveGroupsAblationsAndCalibrationsOfTheirOwn() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let rows = [
        "bags:groups=auto/2", "bags:g0=none", "bags:others=no", "bags:g0=official:others-ratio=0",
        "softmax+ohem:rois-per-image=2+tau-norm:tau=0.5", "softmax+class-balanced+lws:epochs=2",
      ]
      let run = try compare(folder, ["--methods", rows.joined(separator: ","), "--format", "json"])
      #expect(run.status == 0, "\(run.error)")
      let object = try jsonObject(run.output)
      let methods = try #require(object["methods"] as? [[String: Any]])
      #expect(methods.map { $0["trained_as"] as? String } == rows)
      let folders = try methods.map { try #require(($0["runs"] as? [String])?.first) }
      let records = try folders.map { try RunFolder(at: "\(folder)/\($0)").record() }
      // What a row says is what its run was trained with, and the run's own settings repeat it.
      let breaks = try CategoryGroups(contentsOf: "\(folder)/\(folders[0])/groups.json").boundaries
      #expect(breaks.count == 1 && records[0].groupBoundaries == "\(breaks[0])")
      #expect(
        records[1].recipe?.method.parameters["g0"] == "none" && records[2].recipe?.method.parameters["others"] == "no")
      #expect(
        records[4].recipe?.mining?.parameters["rois-per-image"] == "2"
          && records[4].calibration?.method.name == "tau-norm")
      let again = try runBags(["train", "--config", "\(folders[0])/run.json", "--output", "again"], in: folder)
      #expect(again.status == 0, "\(again.error)")
      let calibrated = try runBags(
        ["calibrate", try #require(records[5].inputs["init"]?.path), "--output", "calibrated"]
          + records[5].options.flatMap { ["--\($0.name)", $0.value] }, in: folder)
      #expect(calibrated.status == 0, "\(calibrated.error)")
      for (original, copy) in [(folders[0], "again"), (folders[5], "calibrated")] {
        let heads = try [original, copy].map { try LinearHead(contentsOf: "\(folder)/\($0)/head.safetensors") }
        #expect(heads[0].weight == heads[1].weight && heads[0].bias == heads[1].bias, "\(copy)")
      }
    }
  }

  /// Boxes move towards the objects where a regressor is trained, and a calibration keeps it.
  @Test func trainsBoxesWhereAsked() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let rows = [
        "softmax", "softmax+boxes:smooth-l1:box-beta=0.5", "softmax+boxes:smooth-l1:box-beta=0.5+tau-norm:tau=0",
      ]
      let run = try compare(
        folder, ["--methods", rows.joined(separator: ","), "--epochs", "20", "--format", "json"])
      #expect(run.status == 0, "\(run.error)")
      let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
      let methods = try #require(object?["methods"] as? [[String: Any]])
      #expect(methods.map { $0["method"] as? String } == rows)
      func metric(_ name: String) throws -> [Double] {
        try methods.map { try #require((($0["metrics"] as? [String: [String: Any]])?[name])?["mean"] as? Double) }
      }
      let precision = try metric("AP")
      #expect(precision[1] != precision[0] && precision[2] == precision[1], "\(precision)")
      let folders = try methods.map { try #require(($0["runs"] as? [String])?.first) }
      let record = try RunFolder(at: "\(folder)/\(folders[1])").record()
      #expect(record.recipe?.boxes?.loss == MethodChoice(name: "smooth-l1", parameters: ["box-beta": "0.5"]))
      let again = try runBags(["train", "--config", "\(folders[1])/run.json", "--output", "again"], in: folder)
      #expect(again.status == 0, "\(again.error)")
      let heads = try [folders[1], "again"].map {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)/head.safetensors"))
      }
      #expect(heads[0] == heads[1])
    }
  }

  @Test func aCalibrationThatTheDataDoNotAllowIsNamed() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let rows = ["--methods", "softmax+tail-finetune:tail-below=1,softmax"]
      // A failure of its own row; where it would be tuned, nothing can be picked for it.
      let run = try compare(folder, rows + ["--output", "c"])
      #expect(run.status == 0 && run.error.contains("raise tail-below"), "\(run.error)")
      #expect(run.output.contains("softmax+tail-finetune:tail-below=1 ") && run.output.contains("\nsoftmax "))
      let tuned = try compare(
        folder, rows + ["--groups", "100", "--tune", "--tune-trials", "3", "--tune-epochs", "1", "--output", "d"])
      #expect(tuned.status == 1 && tuned.error.contains("tail-below=1: "), "\(tuned.error)")
      #expect(tuned.error.contains("raise tail-below"))
    }
  }

  @Test func goesOnAfterBeingKilledAndEndsTheSame() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let options = ["--methods", "bags,softmax,focal", "--seeds", "0,5", "--epochs", "40", "--format", "json"]
      let whole = try compare(folder, options + ["--output", "whole"])
      #expect(whole.status == 0, "\(whole.error)")
      for (signal, status) in [(SIGKILL, SIGKILL), (SIGINT, 130), (SIGTERM, 143)] {
        let output = "part\(signal)"
        let process = try startBags(Self.inputs + options + ["--output", output], in: folder)
        // From here on it listens to signals.
        while process.isRunning, !FileManager.default.fileExists(atPath: "\(folder)/\(output)/comparison.json") {
          Thread.sleep(forTimeInterval: 0.01)
        }
        Thread.sleep(forTimeInterval: 0.3)
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        let resumed = try compare(folder, options + ["--output", output])
        #expect(resumed.status == 0, "\(resumed.error)")
        #expect(process.terminationStatus == status || process.terminationStatus == 0)
        #expect(try metrics(resumed) == metrics(whole))
      }
      // Nothing is left to do.
      let again = try compare(folder, options + ["--output", "whole"])
      #expect(!again.error.contains("seed 0: AP") && again.output == whole.output)
    }
  }

  /// Metrics and settings of every method, without seconds and paths.
  private func metrics(_ run: CommandOutput) throws -> [[String: NSObject]] {
    let object = try jsonObject(run.output)
    let methods = try #require(object["methods"] as? [[String: Any]])
    return methods.map { method in
      method.filter { $0.key != "seconds" && $0.key != "runs" }.compactMapValues { $0 as? NSObject }
    }
  }

  @Test func tunesAndSaysWhatItPicked() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let run = try compare(
        folder,
        [
          "--methods", "softmax,focal", "--groups", "100", "--tune", "gamma=0/1", "--tune-trials", "3", "--tune-epochs",
          "1", "--format",
          "json",
        ])
      #expect(run.status == 0, "\(run.error)")
      let object = try jsonObject(run.output)
      let methods = try #require(object["methods"] as? [[String: Any]])
      for method in methods {
        let tuning = try #require(method["tuning"] as? [String: Any])
        let trials = try #require(tuning["trials"] as? [[String: Any]])
        #expect(trials.count == 5 && tuning["epochs"] as? Int == 1)
        let best = trials[try #require(tuning["chosen_trial"] as? Int)]
        #expect(best["learning_rate"] as? Double == method["learning_rate"] as? Double)
        #expect(best["parameters"] as? [String: String] == method["parameters"] as? [String: String])
      }
      let text = try String(contentsOfFile: "\(folder)/comparison/README.md", encoding: .utf8)
      #expect(text.contains("## What was tuned") && text.contains("held-out images over all splits"))
    }
  }

  @Test func helpShowsExamplesAndTheNotation() throws {
    let help = try runBags(["compare", "--help"])
    #expect(help.status == 0)
    for text in ["EXAMPLES", "softmax+rfs", "bags:others-ratio=3", "--tune", "--seeds"] {
      #expect(help.output.contains(text), "\(text)")
    }
  }

  @Test(arguments: [
    (["--methods", "softmax,bgas"], "there is no method 'bgas'"),
    (["--methods", "softmax,bgas"], "did you mean bags?"),
    (["--methods", "bags:others-ratio"], "'others-ratio' is no parameter: write bags:name=value"),
    (["--methods", "softmax:others-ratio=3"], "others-ratio is no parameter of softmax"),
    (["--methods", "softmax:groups=100"], "softmax has no groups"),
    (["--methods", "bags:groups=100/10"], "ascending"), (["--methods", "bags:groups=auto/x"], "or auto/4"),
    (["--methods", "softmax+rsf"], "did you mean rfs?"),
    (["--methods", "softmax+rfs+class-balanced"], "one sampler at most"),
    (["--methods", "softmax+ohem+s-ohem"], "one way at most"),
    (["--methods", "ghm+ohem"], "ghm has none"),
    (["--methods", "softmax+boxes"], "boxes names one box loss, as in boxes:smooth-l1"),
    (["--methods", "softmax+boxes:smoth-l1"], "did you mean smooth-l1?"),
    (["--methods", "softmax+boxes:smooth-l1:box-classes=all"], "box-classes must be one of"),
    (["--methods", "softmax+boxes:smooth-l1+boxes:ghm-r"], "one box regressor at most"),
    (["--methods", "softmax+tau-norm+ncm"], "one calibration at most"),
    (["--methods", "softmax+tau-norm:tua=1"], "tua is no parameter of tau-norm"),
    (["--methods", "bce+norcal"], "NorCal renormalises one softmax"),
    (["--methods", "bags+lws"], "LWS scales the logits of one softmax"),
    (["--methods", "bags+tail-finetune"], "fine-tuning here goes on with softmax"),
    (["--methods", "bags+crt"], "keeps nothing of what was trained before; it is softmax+crt"),
    (["--methods", "softmax+rfs+crt"], "it is softmax+crt"),
    (["--methods", "softmax+tua-norm"], "did you mean tau-norm?"),
    (["--methods", "disalign+offline"], "together they are not offered"),
    (["--methods", "softmax,softmax"], "stands twice"),
    (["--methods", "softmax,"], "a method is missing"),
    (["--methods", "focal:gamma=1:gamma=2"], "gamma is given twice"),
    (["--methods", "bags:learning-rate=fast"], "above 0, not 'fast'"),
    (["--methods", "bags:g0=none:others=no"], "nothing to tell background from foreground"),
    (["--seeds", "0,0"], "each once"), (["--seeds", "0"], "the seed itself is '0,'"),
    (["--features", "train", "--val", "val"], "--annotations, --val-annotations are missing"),
    (["--methods", "softmax", "--tune", "gama"], "none of the methods has a parameter 'gama'"),
    (["--methods", "focal", "--tune", "gama"], "did you mean gamma?"),
    (["--methods", "focal", "--tune", "gamma=x"], "gamma must be a number"),
    (["--tune-epochs", "3"], "needs --tune"), (["--learning-rate", "0"], "above 0"),
  ])
  func refusesNonsenseWithTheReason(options: [String], message: String) throws {
    let run = try runBags(["compare"] + options)
    #expect(run.status == 64 && run.error.contains(message), "\(run.error)")
  }

  @Test func leavesAForeignFolderAlone() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let run = try compare(folder, ["--methods", "softmax", "--output", "train"])
      #expect(run.status == 1 && run.error.contains("holds something other than a comparison"))
      let other = try compare(folder, ["--methods", "softmax", "--output", "train.json"])
      #expect(other.status == 1 && other.error.contains("is a file"))
    }
  }

  @Test func withoutFeaturesTakesTheBuiltInSet() throws {
    try withTemporaryFolder { folder in
      let run = try runBags(
        ["compare", "--methods", "softmax,bags", "--epochs", "1", "--learning-rate", "0.1", "--format", "json"],
        in: folder)
      #expect(run.status == 0 && run.error.contains("built-in synthetic set"), "\(run.error)")
      let object = try jsonObject(run.output)
      #expect((object["methods"] as? [Any])?.count == 2)
      let text = try String(contentsOfFile: "\(folder)/comparison/README.md", encoding: .utf8)
      #expect(text.contains("built-in synthetic set"))
    }
  }
}
