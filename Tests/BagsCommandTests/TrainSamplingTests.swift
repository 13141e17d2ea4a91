import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

@Suite struct TrainSamplingTests {
  private func train(_ folder: String, _ output: String, _ options: [String]) throws -> CommandOutput {
    try runBags(
      [
        "train", "--features", "train", "--annotations", "train.json", "--method", "softmax", "--epochs", "2",
        "--threads", "1", "--output", output,
      ] + options, in: folder)
  }

  @Test func samplersTrainWithTheSameBudgetAndAreRecorded() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      #expect(try train(folder, "plain", []).status == 0)
      #expect(try train(folder, "rfs", ["--sampler", "rfs", "--repeat-threshold", "0.2"]).status == 0)
      #expect(try train(folder, "again", ["--sampler", "rfs", "--repeat-threshold", "0.2"]).status == 0)
      #expect(try train(folder, "balanced", ["--sampler", "class-balanced"]).status == 0)
      let records = try ["plain", "rfs", "balanced"].map { try RunFolder(at: "\(folder)/\($0)").record() }
      #expect(records.map { $0.result?.steps } == [14, 14, 14])
      #expect(records[0].recipe?.sampler == nil)
      #expect(records[1].recipe?.sampler == MethodChoice(name: "rfs", parameters: ["repeat-threshold": "0.2"]))
      #expect(records[2].recipe?.sampler == MethodChoice(name: "class-balanced"))
      let heads = try ["plain", "rfs", "balanced", "again"].map {
        try fileBytes("\(folder)/\($0)/head.safetensors")
      }
      #expect(Set(heads).count == 3 && heads[1] == heads[3])
    }
  }

  @Test func refusesWhatIsNoSamplerOrNotItsParameter() throws {
    try withTemporaryFolder { folder in
      let unknown = try train(folder, "x", ["--sampler", "rsf"])
      #expect(unknown.status == 64 && unknown.error.contains("did you mean rfs?"), "\(unknown.error)")
      let foreign = try train(folder, "x", ["--repeat-threshold", "0.1"])
      #expect(foreign.status == 64 && foreign.error.contains("--repeat-threshold is no parameter of random"))
      let outside = try train(folder, "x", ["--sampler", "rfs", "--repeat-threshold", "0"])
      #expect(outside.status == 64 && outside.error.contains("--repeat-threshold must be a number"))
    }
  }
}
