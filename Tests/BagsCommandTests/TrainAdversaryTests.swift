import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

/// `bags train --adversary …` on pooled maps.
@Suite struct TrainAdversaryTests {
  private let inputs = [
    "train", "--features", "pooled", "--annotations", "train.json", "--hidden", "8", "--method", "softmax",
    "--images-per-batch", "4", "--learning-rate", "0.05", "--threads", "1",
  ]
  private let occlusion = [
    "--adversary", "occlusion", "--occluder-channels", "3", "--occluder-window", "1", "--occluder-candidates", "3",
    "--occluder-dropped", "2", "--adversary-rate", "0.01",
  ]

  private func write(to folder: String) throws {
    let set = FaultlessSet()
    try set.dataset.write(to: "\(folder)/train.json")
    try FileManager.default.createDirectory(atPath: "\(folder)/pooled", withIntermediateDirectories: true)
    try set.writePooled(to: "\(folder)/pooled")
    try set.writeFeatures(to: "\(folder)/flat")
  }

  @Test func trainsShowsRepeatsAndPredicts() throws {
    try withTemporaryFolder { folder in
      try write(to: folder)
      let deformation = ["--adversary", "deformation", "--deformer-blocks", "2"]
      var heads: [Data] = []
      for (name, options) in [("plain", []), ("occlusion", occlusion), ("deformation", deformation)] {
        let run = try runBags(inputs + options + ["--epochs", "6", "--output", name], in: folder)
        #expect(run.status == 0, "\(run.error)")
        #expect(run.error.contains("4 × 2 × 2 pooled features"))
        heads.append(try fileBytes("\(folder)/\(name)/head.safetensors"))
      }
      #expect(Set(heads).count == 3)
      let shown = try runBags(["show", "occlusion"], in: folder)
      #expect(shown.output.contains("occluder-window") && shown.output.contains("occlusion  *"))
      #expect(shown.output.contains("adversary-share"))
      let again = try runBags(["train", "--config", "occlusion/run.json", "--output", "again"], in: folder)
      #expect(again.status == 0, "\(again.error)")
      #expect(try fileBytes("\(folder)/again/head.safetensors") == heads[1])
      // Another adversary than the file's: the options of the file's own do not apply.
      let other = try runBags(
        ["train", "--config", "occlusion", "--output", "other"] + deformation, in: folder)
      #expect(other.status == 0, "\(other.error)")
      let predicted = try runBags(
        ["predict", "occlusion", "--features", "pooled", "--annotations", "train.json", "--output", "r.json"],
        in: folder)
      #expect(predicted.status == 0, "\(predicted.error)")
      let checked = try runBags(["check", "train.json", "--features", "pooled", "--head", "occlusion"], in: folder)
      #expect(checked.status == 0 && checked.output.contains("16 features, pooled maps of 4 × 2 × 2"))
    }
  }

  @Test(arguments: ["occlusion", "deformation"])
  func aKilledRunGoesOnToTheSameBytes(adversary: String) throws {
    try withTemporaryFolder { folder in
      try write(to: folder)
      let options =
        inputs + (adversary == "occlusion" ? occlusion : ["--adversary", adversary]) + ["--epochs", "60"]
      #expect(try runBags(options + ["--output", "whole"], in: folder).status == 0)
      let process = try startBags(options + ["--output", "cut", "--checkpoint-interval", "0"], in: folder)
      let checkpoint = "\(folder)/cut.partial/checkpoint.safetensors"
      while process.isRunning && !FileManager.default.fileExists(atPath: checkpoint) {
        usleep(1000)
      }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      if process.terminationReason == .uncaughtSignal {
        let resumed = try runBags(["train", "--resume", "cut"], in: folder)
        #expect(resumed.status == 0, "\(resumed.error)")
      }
      let heads = try ["whole", "cut"].map { try fileBytes("\(folder)/\($0)/head.safetensors") }
      #expect(heads[0] == heads[1])
    }
  }

  @Test(arguments: [
    (["--adversary", "occlusion", "--occluder-window", "1"], 1, "a map of 2 × 2 has 4"),
    (["--adversary", "occlusoin"], 64, "did you mean occlusion?"),
    (["--occluder-window", "1"], 64, "--occluder-window needs --adversary"),
    (["--adversary", "deformation", "--occluder-window", "1"], 64, "is no parameter of deformation"),
    (["--adversary", "occlusion", "--occluder-dropped", "30"], 64, "cannot be drawn from --occluder-candidates 20"),
    (["--adversary", "occlusion", "--head-share", "1", "--adversary-share", "0.5"], 64, "more than 1 together"),
    (["--adversary", "occlusion", "--features", "flat"], 1, "works on pooled maps, features [N, C, H, W]"),
    (["--adversary", "occlusion", "--learning-rate", "auto"], 64, "does not go with --adversary"),
    (["--adversary", "occlusion", "--method", "auto"], 64, "--method auto does not go with"),
    (["--adversary", "deformation", "--stages", "2"], 64, "one stage of linear layers"),
  ])
  func whatDoesNotGoTogetherIsRefused(options: [String], status: Int32, words: String) throws {
    try withTemporaryFolder { folder in
      try write(to: folder)
      let run = try runBags(inputs + ["--epochs", "1", "--output", "run"] + options, in: folder)
      #expect(run.status == status && run.error.contains(words), "\(run.error)")
    }
  }
}
