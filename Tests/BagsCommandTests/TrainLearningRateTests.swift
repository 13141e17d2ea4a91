import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

/// `bags train --learning-rate auto`.
@Suite struct TrainLearningRateTests {
  private static let tuning = ["--learning-rate", "auto", "--tune-trials", "3", "--tune-epochs", "1", "--epochs", "2"]

  @Test func takesTheBestOfTheRatesTriedAndRecordsThem() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let run = try runBags(
        ["train", "--features", "train", "--annotations", "train.json", "--method", "softmax", "--output", "a"]
          + Self.tuning, in: folder)
      #expect(run.status == 0, "\(run.error)")
      let record = try RunFolder(at: "\(folder)/a").record()
      let tuning = try #require(record.tuning)
      #expect(tuning.trials.map(\.learningRate) == [0.01, 0.1, 1] && tuning.epochs == 1)
      let best = tuning.trials.max { tuning.score(of: $0) < tuning.score(of: $1) }
      #expect(record.settings.learningRate == best?.learningRate && record.settings.epochs == 2)
      #expect(run.error.contains("learning rate 0.1: AP") && run.error.contains("is taken"))
      let given = try runBags(
        [
          "train", "--features", "train", "--annotations", "train.json", "--method", "softmax", "--output", "b",
          "--epochs", "2", "--learning-rate", "\(record.settings.learningRate)",
        ], in: folder)
      #expect(given.status == 0)
      let heads = try ["a", "b"].map { try fileBytes("\(folder)/\($0)/head.safetensors") }
      #expect(heads[0] == heads[1])
    }
  }

  @Test func startsTrialsFromTheHeadThatIsGiven() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let inputs = ["train", "--features", "train", "--annotations", "train.json"]
      _ = try runBags(inputs + ["--method", "softmax", "--epochs", "2", "--output", "base"], in: folder)
      let run = try runBags(
        inputs + ["--method", "disalign", "--init", "base", "--output", "a"] + Self.tuning, in: folder)
      #expect(run.status == 0, "\(run.error)")
      #expect(try RunFolder(at: "\(folder)/a").record().tuning?.trials.count == 3)
    }
  }

  @Test(arguments: [
    (["--learning-rate", "quick"], "The value 'quick' is invalid"), (["--learning-rate", "-1"], "above 0"),
    (["--learning-rate", "auto", "--tune-trials", "0"], "--tune-trials must be from 1 to 100"),
    (["--learning-rate", "auto", "--features", "x", "--groups", "g.json"], "needs --annotations"),
  ])
  func refusesWhatCannotBe(options: [String], message: String) throws {
    let run = try runBags(["train"] + options)
    #expect(run.status == 64 && run.error.contains(message), "\(run.error)")
  }
}
