import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

@Suite struct TrainArchitectureTests {
  @Test func hiddenLayersAreTrainedKeptAndUsed() throws {
    try withTemporaryFolder { folder in
      let trained = try runBags(["train", "--hidden", "24,16", "--epochs", "2", "--output", "run"], in: folder)
      #expect(trained.status == 0, "\(trained.error)")
      let head = try LinearHead(contentsOf: folder + "/run/head.safetensors")
      #expect(head.hidden.map(\.outputs) == [24, 16] && head.weight.columns == 16)
      let norms = try runBags(["report", "weightnorms", "run"], in: folder)
      #expect(norms.status == 0, "\(norms.error)")

      let other = try runBags(["train", "--hidden", "24", "--init", "run", "--epochs", "1"], in: folder)
      #expect(other.status == 1)
      #expect(other.error.contains("its hidden layers are [24, 16], [24] are expected"))
    }
  }

  @Test func aRunWithHiddenLayersIsResumed() throws {
    try withTemporaryFolder { folder in
      let options = ["train", "--hidden", "12", "--epochs", "1"]
      #expect(try runBags(options + ["--output", "whole"], in: folder).status == 0)
      let process = try startBags(options + ["--output", "cut", "--checkpoint-interval", "0"], in: folder)
      let checkpoint = folder + "/cut.partial/checkpoint.safetensors"
      while process.isRunning && !FileManager.default.fileExists(atPath: checkpoint) { usleep(1000) }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      if process.terminationReason == .uncaughtSignal {
        let resumed = try runBags(["train", "--resume", "cut"], in: folder)
        #expect(resumed.status == 0, "\(resumed.error)")
      }
      let heads = try ["whole", "cut"].map {
        try fileBytes(folder + "/\($0)/head.safetensors")
      }
      #expect(heads[0] == heads[1])
    }
  }

  @Test func saysWhatDoesNotGoTogether() throws {
    try withTemporaryFolder { folder in
      let stages = try runBags(["train", "--stages", "3"], in: folder)
      #expect(stages.status == 1)
      #expect(stages.error.contains("bags: 3 stages need features of each, [N, 3, D]; these are [N, D]"))
      let cosine = try runBags(["train", "--method", "ldam", "--hidden", "8"], in: folder)
      #expect(cosine.status == 1 && cosine.error.contains("linear in the features"))
      let boxes = try runBags(["train", "--hidden", "8", "--box-loss", "smooth-l1"], in: folder)
      #expect(boxes.status == 64 && boxes.error.contains("a box regressor is trained beside one linear layer"))
      let sizes = try runBags(["train", "--hidden", "8,0"], in: folder)
      #expect(sizes.status == 64 && sizes.error.contains("--hidden takes up to 8 sizes"))
      let weights = try runBags(["train", "--stages", "3", "--stage-weights", "1,1"], in: folder)
      #expect(weights.status == 64 && weights.error.contains("2 numbers for 3 stages"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }
}
