import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

/// `bags train --mining …`.
@Suite struct TrainMiningTests {
  private let inputs = ["train", "--features", "train", "--annotations", "train.json", "--threads", "1"]

  private func train(_ folder: String, _ output: String, _ options: [String]) throws -> CommandOutput {
    try runBags(inputs + ["--method", "softmax", "--epochs", "2", "--output", output] + options, in: folder)
  }

  @Test func everyWayTrainsAndIsRecorded() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      #expect(try train(folder, "all", []).status == 0)
      var heads = [try fileBytes("\(folder)/all/head.safetensors")]
      for mining in RoIMiningMethod.all {
        let few = mining.parameters.contains { $0.name == "rois-per-image" } ? ["--rois-per-image", "4"] : []
        let head = mining.needsMiningHead ? ["--mining-head", "all"] : []
        let ratio = mining.parameters.contains { $0.name == "negatives-per-positive" }
        let negatives = ratio ? ["--negatives-per-positive", "0.2"] : []
        let run = try train(folder, mining.name, ["--mining", mining.name] + few + head + negatives)
        #expect(run.status == 0, "\(mining.name): \(run.error)")
        let record = try RunFolder(at: "\(folder)/\(mining.name)").record()
        #expect(record.recipe?.mining?.name == mining.name)
        #expect(record.recipe?.mining.map { Set($0.parameters.keys) } == Set(mining.parameters.map(\.name)))
        #expect((record.inputs["mining-head"] != nil) == mining.needsMiningHead)
        heads.append(try fileBytes("\(folder)/\(mining.name)/head.safetensors"))
      }
      #expect(Set(heads).count == heads.count)
    }
  }

  @Test func aKilledRunGoesOnWithTheSameMining() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      #expect(try train(folder, "start", []).status == 0)
      let recipe = [
        "--epochs", "300", "--checkpoint-interval", "0", "--mining", "offline", "--mining-head", "start",
        "--mining-threshold", "0.1", "--negatives-per-positive", "0.4",
      ]
      _ = try runBags(inputs + recipe + ["--output", "whole"], in: folder)
      let process = try startBags(inputs + recipe + ["--output", "a"], in: folder)
      while !FileManager.default.fileExists(atPath: "\(folder)/a.partial/checkpoint.safetensors") {
        Thread.sleep(forTimeInterval: 0.01)
      }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      let resumed = try runBags(["train", "--resume", "a"], in: folder)
      #expect(resumed.status == 0, "\(resumed.error)")
      let heads = try ["whole", "a"].map {
        try fileBytes("\(folder)/\($0)/head.safetensors")
      }
      #expect(heads[0] == heads[1])
    }
  }

  @Test(arguments: [
    (["--mining", "ohme"], 64, "did you mean ohem?"),
    (["--rois-per-image", "4"], 64, "--rois-per-image needs --mining"),
    (["--mining", "ohem", "--negatives-per-positive", "3"], 64, "--negatives-per-positive is no parameter of ohem"),
    (["--mining", "offline"], 64, "needs --mining-head"),
    (["--mining", "ohem", "--mining-head", "x"], 64, "--mining-head is for --mining offline"),
    (["--mining", "offline", "--mining-head", "nowhere"], 1, "nowhere: cannot open"),
    (["--mining", "ohem", "--method", "acsl"], 64, "acsl has none, since it draws at random"),
    (["--mining", "s-ohem", "--method", "ghm"], 64, "how many others of its batch have gradients like its own"),
    (["--mining", "ohem", "--method", "softmax", "--stages", "3"], 64, "with 3 stages it has one a stage"),
    (["--mining", "ohem-1to3", "--method", "seesaw"], 64, "what earlier batches held"),
  ])
  func namesMistakes(options: [String], status: Int, message: String) throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let run = try runBags(inputs + options, in: folder)
      #expect(Int(run.status) == status && run.error.contains(message), "\(run.error)")
    }
  }

  @Test func namesTheOptionThatGivesBoxLosses() throws {
    try withTemporaryFolder { folder in
      try ShardParts(imageIDs: [1, 1, 2], labels: [1, -1, 1]).write(to: "\(folder)/a.safetensors")
      try
        #"{"images": [{"id": 1, "width": 100, "height": 100}, {"id": 2, "width": 100, "height": 100}], "annotations": [], "categories": [{"id": 1, "name": "a", "instance_count": 5}]}"#
        .write(toFile: "\(folder)/a.json", atomically: true, encoding: .utf8)
      let run = try runBags(
        [
          "train", "--features", "a.safetensors", "--annotations", "a.json", "--method", "softmax", "--mining",
          "s-ohem",
        ],
        in: folder)
      #expect(run.status == 1 && run.error.contains("a box regressor trained beside: --box-loss"), "\(run.error)")
    }
  }
}
