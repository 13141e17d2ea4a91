import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

@Suite struct TrainCommandTests {
  @Test func trainsIntoARunFolder() throws {
    try withSmallSet { folder in
      let run = try runBags(["train"] + inputs + ["--output", "runs/a", "--seed", "3", "--epochs", "3"], in: folder)
      #expect(run.status == 0 && run.output.hasPrefix("runs/a: 12 steps"))
      #expect(
        run.error.contains("bags: 400 RoIs (210 foreground) of 50 images, 8 features, 12 classes, 17 logits, 12 "))
      let written = RunFolder(at: "\(folder)/runs/a")
      let head = try LinearHead(contentsOf: written.headPath)
      #expect(head.layout.name == "grouped-sigmoid" && head.weight.rows == 17 && head.inputs == 8)
      let record = try written.record()
      #expect(record.settings.seed == 3 && record.settings.epochs == 3 && record.result?.steps == 12)
      #expect(record.recipe?.method.parameters == ["others-ratio": "8", "g0": "sigmoid", "others": "yes"])
      #expect(try CategoryGroups(contentsOf: written.groupsPath) == head.groups)
      let lines = try String(contentsOfFile: written.metricsPath, encoding: .utf8).split(separator: "\n")
      let last = try JSONDecoder().decode(TrainingMetrics.self, from: Data(try #require(lines.last).utf8))
      #expect(lines.count == 3 && last.step == 12 && last.losses.keys.sorted() == ["G0", "G1", "G2", "G3", "G4"])
      #expect(abs(last.losses.values.reduce(0, +) - last.loss) < 1e-9)
      #expect(RunFolder.latest(in: "\(folder)/runs")?.path == "\(folder)/runs/a")
      #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/runs").sorted() == ["a", "latest"])
    }
  }

  @Test func sameSeedSameBytes() throws {
    try withSmallSet { folder in
      for name in ["a", "b"] {
        _ = try runBags(["train"] + inputs + ["--output", name, "--threads", "2"], in: folder)
      }
      _ = try runBags(["train"] + inputs + ["--output", "c", "--threads", "2", "--seed", "1"], in: folder)
      func head(_ name: String) throws -> Data {
        try fileBytes("\(folder)/\(name)/head.safetensors")
      }
      #expect(try head("a") == head("b"))
      #expect(try head("a") != head("c"))
    }
  }

  @Test func trainsSoftmaxAndStartsBagsFromIt() throws {
    try withSmallSet { folder in
      _ = try runBags(["train"] + inputs + ["--method", "softmax", "--output", "base"], in: folder)
      let run = try runBags(
        ["train"] + inputs + ["--init", "base", "--learning-rate", "1e-12", "--epochs", "1", "--output", "bags"],
        in: folder)
      #expect(run.status == 0)
      let base = try LinearHead(contentsOf: "\(folder)/base/head.safetensors")
      let bags = try LinearHead(contentsOf: "\(folder)/bags/head.safetensors")
      #expect(base.layout.name == "softmax" && base.weight.rows == 13)
      for (a, b) in zip(base.classWeightNorms, bags.classWeightNorms) { #expect(abs(a - b) < 1e-5) }
    }
  }

  @Test func warnsOfWhatTrainingNeedsAndNotOfWhatScoringNeeds() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let path = "\(folder)/train.json"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      // No image keeps its size, none says what it was searched for, and no category its frequency.
      let odd = text.replacing("\"neg_category_ids\"", with: "\"x\"").replacing("\"frequency\"", with: "\"y\"")
        .replacing("\"width\"", with: "\"w\"")
      try odd.write(toFile: path, atomically: true, encoding: .utf8)
      let run = try runBags(
        ["train", "--features", "train", "--annotations", "train.json", "--epochs", "1", "--output", "a"], in: folder)
      #expect(run.status == 0 && run.error.contains("train.json: ") && run.error.contains("width"), "\(run.error)")
      #expect(!run.error.contains("neg_category_ids") && !run.error.contains("frequency"), "\(run.error)")
    }
  }

  @Test func printsJSONAndNothingElse() throws {
    try withSmallSet { folder in
      let run = try runBags(["train"] + inputs + ["--output", "a", "--format", "json"], in: folder)
      let object = try jsonObject(run.output)
      #expect(object["run"] as? String == "a" && object["steps"] as? Int == 48 && object["method"] as? String == "bags")
    }
  }

  @Test func resumesAfterSIGKILLWithTheSameBytes() throws {
    try withSmallSet { folder in
      let recipe = ["--epochs", "400", "--images-per-batch", "5", "--checkpoint-interval", "0"]
      _ = try runBags(["train"] + inputs + recipe + ["--output", "whole"], in: folder)
      let delays = [0.02, 0.15, 0.31]
      for (index, delay) in delays.enumerated() {
        let process = try startBags(["train"] + inputs + recipe + ["--output", "k\(index)"], in: folder)
        Thread.sleep(forTimeInterval: delay)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        if FileManager.default.fileExists(atPath: "\(folder)/k\(index)/run.json") { continue }
        guard FileManager.default.fileExists(atPath: "\(folder)/k\(index).partial/run.json") else { continue }
        // Killed twice.
        let second = try startBags(["train", "--resume", "k\(index)", "--checkpoint-interval", "0"], in: folder)
        Thread.sleep(forTimeInterval: 0.1)
        kill(second.processIdentifier, SIGKILL)
        second.waitUntilExit()
        if !FileManager.default.fileExists(atPath: "\(folder)/k\(index)") {
          let resumed = try runBags(["train", "--resume", "k\(index)"], in: folder)
          #expect(resumed.status == 0, "\(resumed.error)")
        }
        try expectSameTensors("\(folder)/whole", "\(folder)/k\(index)")
      }
    }
  }

  @Test func interruptionLeavesACheckpoint() throws {
    try withSmallSet { folder in
      let recipe = ["--epochs", "400000", "--images-per-batch", "5"]
      let process = try startBags(["train"] + inputs + recipe + ["--output", "a"], in: folder)
      while !FileManager.default.fileExists(atPath: "\(folder)/a.partial/run.json") {
        Thread.sleep(forTimeInterval: 0.01)
      }
      Thread.sleep(forTimeInterval: 0.2)
      process.interrupt()
      process.waitUntilExit()
      #expect(process.terminationStatus == 130 && process.terminationReason == .exit)
      #expect(FileManager.default.fileExists(atPath: "\(folder)/a.partial/checkpoint.safetensors"))
      // An interrupted run is not written over by accident.
      let again = try runBags(["train"] + inputs + ["--output", "a"], in: folder)
      #expect(again.status == 1 && again.error.contains("bags train --resume a"))
    }
  }

  @Test func refusesToResumeWhenAnInputChanged() throws {
    try withSmallSet { folder in
      let recipe = ["--epochs", "400000", "--images-per-batch", "5", "--checkpoint-interval", "0"]
      let process = try startBags(["train"] + inputs + recipe + ["--output", "a"], in: folder)
      while !FileManager.default.fileExists(atPath: "\(folder)/a.partial/checkpoint.safetensors") {
        Thread.sleep(forTimeInterval: 0.01)
      }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      try (try String(contentsOfFile: "\(folder)/annotations.json", encoding: .utf8) + " ")
        .write(toFile: "\(folder)/annotations.json", atomically: true, encoding: .utf8)
      let resumed = try runBags(["train", "--resume", "a"], in: folder)
      #expect(resumed.status == 1 && resumed.error.contains("annotations.json: is not what it was"))
    }
  }

  @Test func keepsTheLastCheckpointOnAFullDisk() throws {
    try withSmallSet { folder in
      let recipe = ["--epochs", "400", "--images-per-batch", "5", "--checkpoint-interval", "0"]
      _ = try runBags(["train"] + inputs + recipe + ["--output", "whole"], in: folder)
      // A limit on the size of files stands for a full disk: writes beyond it fail. metrics.jsonl reaches it first.
      let words = (["train"] + inputs + recipe + ["--output", "a"]).joined(separator: " ")
      let run = try runShell("ulimit -f 16; trap '' XFSZ; exec '\(bagsPath)' \(words)", in: folder)
      #expect(run.status == 1 && run.error.contains("metrics.jsonl: cannot write"), "\(run.error)")
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/a"))
      let resumed = try runBags(["train", "--resume", "a"], in: folder)
      #expect(resumed.status == 0, "\(resumed.error)")
      try expectSameTensors("\(folder)/whole", "\(folder)/a")
    }
  }

  @Test(arguments: [
    (["--method", "bgas"], 64, "did you mean bags?"),
    (["--learning-rate=-1"], 64, "--learning-rate must be above 0"),
    (["--epochs", "0"], 64, "--epochs must be"),
    (["--images-per-batch", "0"], 64, "--images-per-batch must be from 1"),
    (["--milestones", "a,b"], 64, "milestones"),
    (["--milestones", "8,3"], 64, "--milestones must ascend"),
    (["--groups", "auto:0"], 64, "--groups auto:0: write auto:N"),
    (["--groups", "100,10"], 64, "--groups: boundaries must ascend"),
    (["--method", "softmax", "--g0", "official"], 64, "--g0 is an option of bags, but not of the method softmax"),
    (["--others-ratio=-2"], 64, "--others-ratio must be a number from 0"),
    (["--init", "nothing.safetensors"], 1, "nothing.safetensors: cannot open"),
    (["--output", "features"], 1, "--overwrite"),
    (["--output", "annotations.json/run"], 1, "annotations.json/run.partial: cannot make the folder"),
    (["--learning-rate", "1e30", "--gradient-clip", "0"], 1, "gradient clip: --learning-rate, --gradient-clip"),
  ])
  func namesMistakes(extra: [String], status: Int, message: String) throws {
    try withSmallSet { folder in
      let run = try runBags(["train"] + inputs + extra, in: folder)
      #expect(Int(run.status) == status && run.error.contains(message), "\(run.error)")
      #expect(run.output.isEmpty)
    }
  }

  @Test func namesWhatIsWrongWithTheInputs() throws {
    try withSmallSet { folder in
      let missing = try runBags(["train", "--features", "features"], in: folder)
      #expect(missing.status == 64 && missing.error.contains("--features needs --annotations or a --groups file"))
      let nowhere = try runBags(["train", "--features", "nowhere", "--annotations", "annotations.json"], in: folder)
      #expect(nowhere.status == 1 && nowhere.error.contains("nowhere"))
      try #"{"images": [], "categories": [{"id": 1, "name": "a"}], "annotations": []}"#
        .write(toFile: "\(folder)/other.json", atomically: true, encoding: .utf8)
      let other = try runBags(["train", "--features", "features", "--annotations", "other.json"], in: folder)
      #expect(other.status == 1 && other.error.hasPrefix("Error: "))
      let text = #"{"images": [{"id": 987}], "annotations": [], "categories": [{"id": 1, "name": "a", "#
      try (text + #""instance_count": 5}]}"#).write(toFile: "\(folder)/val.json", atomically: true, encoding: .utf8)
      let split = try runBags(["train", "--features", "features", "--annotations", "val.json"], in: folder)
      #expect(split.status == 1 && split.error.contains("is not in val.json; are they of another split?"))
    }
  }

  private let inputs = ["--features", "features", "--annotations", "annotations.json"]
}

/// 50 images of 8 RoIs with 8 features; 12 classes, three a group by their stated counts of annotations.
private func withSmallSet(_ body: (String) throws -> Void) throws {
  try withTemporaryFolder { folder in
    var configuration = SyntheticDetectionSet.Configuration()
    configuration.familyCount = 3
    configuration.classesPerFamily = 4
    configuration.trainingImageCount = 50
    configuration.validationImageCount = 2
    configuration.trainingRoIsPerImage = 8
    configuration.featureLength = 8
    let set = SyntheticDetectionSet(seed: 1, configuration: configuration).training
    let writer = try FeatureSetWriter(at: "\(folder)/features", featureCount: 8)
    for image in set.rois { try writer.append(image) }
    try writer.finish()
    try set.dataset.write(to: "\(folder)/annotations.json")
    try body(folder)
  }
}

/// Two runs hold the same head and the same momentum.
private func expectSameTensors(_ a: String, _ b: String) throws {
  #expect(
    try fileBytes("\(a)/head.safetensors")
      == fileBytes("\(b)/head.safetensors"))
  let (x, y) = (
    try SafetensorsFile(at: "\(a)/checkpoint.safetensors"), try SafetensorsFile(at: "\(b)/checkpoint.safetensors")
  )
  #expect(x.names == y.names)
  for name in x.names {
    let same = try x.tensor(name).withUnsafeBytes { p in try y.tensor(name).withUnsafeBytes { p.elementsEqual($0) } }
    #expect(same, "\(name)")
  }
}
