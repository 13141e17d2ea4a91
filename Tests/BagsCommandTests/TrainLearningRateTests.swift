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
        [
          "train", "--features", "train", "--annotations", "train.json", "--groups", "100", "--method", "softmax",
          "--output", "a",
        ]
          + Self.tuning, in: folder)
      #expect(run.status == 0, "\(run.error)")
      let record = try RunFolder(at: "\(folder)/a").record()
      let tuning = try #require(record.tuning)
      #expect(tuning.trials.map(\.learningRate) == [0.01, 0.1, 1] && tuning.epochs == 1)
      #expect(record.settings.learningRate == tuning.chosen?.learningRate && record.settings.epochs == 2)
      #expect(run.error.contains("learning rate 0.1: AP") && run.error.contains("3 trials, AP "))
      #expect(run.error.contains(tuning.keptDefault == true ? "so that stays" : "is taken"))
      let given = try runBags(
        [
          "train", "--features", "train", "--annotations", "train.json", "--groups", "100", "--method", "softmax",
          "--output", "b",
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
      let inputs = ["train", "--features", "train", "--annotations", "train.json", "--groups", "100"]
      _ = try runBags(inputs + ["--method", "softmax", "--epochs", "2", "--output", "base"], in: folder)
      let run = try runBags(
        inputs + ["--method", "disalign", "--init", "base", "--output", "a"] + Self.tuning, in: folder)
      #expect(run.status == 0, "\(run.error)")
      #expect(try RunFolder(at: "\(folder)/a").record().tuning?.trials.count == 3)
    }
  }

  /// Trials are trained as the run is: with its layers, its stages, its box regressor.
  @Test(arguments: [["--hidden", "16"], ["--box-loss", "smooth-l1"], ["--sampler", "rfs", "--mining", "ohem"]])
  func trialsHaveWhatTheRunHas(options: [String]) throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let inputs = [
        "train", "--features", "train", "--annotations", "train.json", "--groups", "100", "--method", "softmax",
        "--threads", "1",
      ]
      let run = try runBags(inputs + options + Self.tuning + ["--output", "a"], in: folder)
      #expect(run.status == 0, "\(run.error)")
      let record = try RunFolder(at: "\(folder)/a").record()
      let tuning = try #require(record.tuning)
      let plain = try runBags(inputs + Self.tuning + ["--output", "b"], in: folder)
      #expect(plain.status == 0, "\(plain.error)")
      let without = try #require(try RunFolder(at: "\(folder)/b").record().tuning)
      #expect(tuning.trials.map(\.learningRate) == without.trials.map(\.learningRate))
      #expect(tuning.trials.map(\.metrics) != without.trials.map(\.metrics))
      let given = try runBags(
        inputs + options + ["--epochs", "2", "--learning-rate", "\(record.settings.learningRate)", "--output", "c"],
        in: folder)
      #expect(given.status == 0)
      let heads = try ["a", "c"].map { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)/head.safetensors")) }
      #expect(heads[0] == heads[1])
    }
  }

  @Test func stagesAreTried() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let set = try FeatureSet(at: "\(folder)/train")
      // The same RoIs twice: a cascade of two stages.
      var tensors: [NamedTensor] = []
      var (features, boxes, ids, labels) = ([Float](), [Float](), [Int64](), [Int64]())
      for image in set.images {
        let rows = try set.features(rows: image.rows)
        for row in 0..<image.rows.count {
          let one = Array(rows[row * 12..<(row + 1) * 12])
          features += one + one.map { $0 / 2 }
          ids.append(Int64(image.id))
        }
        boxes += try set.boxes(rows: image.rows)
      }
      let classes = try #require(try set.labels(categoryIDs: [1, 2, 3, 4, 5]))
      labels = (0..<set.roiCount).map { Int64(classes.classes[$0]) + 1 }.map { $0 == 0 ? -1 : $0 }
      func integers(_ values: [Int64], _ name: String) -> NamedTensor {
        NamedTensor(name, bytes: values.withUnsafeBytes(Array.init), elementType: .int64, shape: [values.count])
      }
      tensors = [
        NamedTensor("features", floats: features, shape: [set.roiCount, 2, 12]),
        NamedTensor("boxes", floats: boxes, shape: [set.roiCount, 4]), integers(ids, "image_ids"),
        integers(labels, "labels"),
      ]
      try FileManager.default.createDirectory(atPath: "\(folder)/staged", withIntermediateDirectories: true)
      try writeSafetensors(tensors, to: "\(folder)/staged/shard-00000.safetensors")
      let run = try runBags(
        [
          "train", "--features", "staged", "--annotations", "train.json", "--groups", "100", "--method", "softmax",
          "--output", "a",
        ]
          + Self.tuning, in: folder)
      #expect(run.status == 0, "\(run.error)")
      let record = try RunFolder(at: "\(folder)/a").record()
      #expect(record.tuning?.trials.count == 3 && record.recipe?.architecture.stageWeights == [1, 0.5])
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
