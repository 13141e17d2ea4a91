import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

/// `bags train --box-loss …` and `bags predict --box-head`.
@Suite struct TrainBoxesTests {
  private let inputs = ["train", "--features", "train", "--annotations", "train.json", "--threads", "1"]

  private func averagePrecision(_ folder: String, _ head: String, _ options: [String]) throws -> Double {
    let predicted = try runBags(
      [
        "predict", head, "--features", "val", "--annotations", "val.json", "--output", "r.json", "--overwrite",
      ] + options, in: folder)
    #expect(predicted.status == 0, "\(predicted.error)")
    let scored = try runBags(
      ["evaluate", "--annotations", "val.json", "--results", "r.json", "--format", "json"], in: folder)
    let metrics = try jsonObject(scored.output)
    return try #require(metrics["AP"] as? Double)
  }

  private func boxes(_ folder: String, _ run: String) throws -> BoxRegressor {
    let path = "\(folder)/\(run)/head.safetensors"
    return try BoxRegressor(try SafetensorsFile(at: path), groups: try LinearHead(contentsOf: path).groups)
  }

  /// The features tell how far off the RoIs are, the cached deltas are 0: the trained boxes are better.
  @Test(arguments: BoxLossMethod.all.map(\.name), BoxRegressor.Classes.allCases)
  func itsBoxesAreBetterThanTheCachedOnes(loss: String, classes: BoxRegressor.Classes) throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let run = try runBags(
        inputs + [
          "--box-loss", loss, "--box-classes", classes.rawValue, "--epochs", "60", "--milestones", "50",
          "--learning-rate", "0.05", "--output", "boxes",
        ] + (loss == "ghm-r" ? ["--ghm-mu", "1", "--box-loss-weight", "4"] : []), in: folder)
      #expect(run.status == 0, "\(run.error)")
      let record = try RunFolder(at: "\(folder)/boxes").record()
      #expect(record.recipe?.boxes?.loss.name == loss && record.recipe?.boxes?.classes == classes)
      let regressor = try boxes(folder, "boxes")
      #expect(regressor.classes == classes)
      #expect(try RunFolder(at: "\(folder)/boxes").metrics().last?.losses["box"] != nil)
      let without = try runBags(["predict", "boxes", "--features", "val", "--output", "without.json"], in: folder)
      #expect(without.status == 0 && without.error.contains("which --box-head boxes applies"), "\(without.error)")
      let cached = try averagePrecision(folder, "boxes", [])
      let own = try averagePrecision(folder, "boxes", ["--box-head", "boxes"])
      #expect(own > cached + 0.03, "\(cached) to \(own)")
      // A calibration keeps it, and training goes on from it.
      let plain = try runBags(
        inputs + ["--method", "softmax", "--box-loss", loss, "--epochs", "1", "--output", "plain"], in: folder)
      #expect(plain.status == 0, "\(plain.error)")
      let norm = try runBags(["calibrate", "plain", "--method", "tau-norm", "--output", "norm"], in: folder)
      #expect(norm.status == 0, "\(norm.error)")
      #expect(try boxes(folder, "norm") == boxes(folder, "plain"))
      let again = try runBags(
        inputs + [
          "--init", "boxes", "--box-loss", loss, "--box-classes", classes.rawValue, "--epochs", "1", "--warmup-steps",
          "0", "--learning-rate", "1e-9", "--output", "again",
        ], in: folder)
      #expect(again.status == 0, "\(again.error)")
      let kept = try boxes(folder, "again")
      #expect(zip(kept.weight.storage, regressor.weight.storage).allSatisfy { abs($0 - $1) < 1e-4 })
    }
  }

  @Test func aKilledRunGoesOnWithTheSameBoxes() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let recipe = [
        "--epochs", "200", "--checkpoint-interval", "0", "--box-loss", "ghm-r", "--box-classes", "per-class",
        "--box-loss-weight", "0.5",
        "--mining", "s-ohem", "--rois-per-image", "4", "--method", "softmax",
      ]
      _ = try runBags(inputs + recipe + ["--output", "whole"], in: folder)
      let process = try startBags(inputs + recipe + ["--output", "a"], in: folder)
      while process.isRunning,
        !FileManager.default.fileExists(atPath: "\(folder)/a.partial/checkpoint.safetensors")
      {
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
      // And its record repeats it.
      let repeated = try runBags(["train", "--config", "whole/run.json", "--output", "b"], in: folder)
      #expect(repeated.status == 0, "\(repeated.error)")
      #expect(try fileBytes("\(folder)/b/head.safetensors") == heads[0])
    }
  }

  @Test(arguments: [
    (["--box-loss", "smoth-l1"], "did you mean smooth-l1?"),
    (["--box-beta", "1"], "--box-beta needs --box-loss"),
    (["--box-classes", "agnostic"], "--box-classes needs --box-loss"),
    (["--box-loss-weight", "2"], "--box-loss-weight needs --box-loss"),
    (["--box-loss", "ghm-r", "--box-loss-weight", "0"], "--box-loss-weight must be a number from 1e-9"),
    (["--box-loss", "smooth-l1", "--ghm-mu", "1"], "--ghm-mu is no parameter of smooth-l1"),
    (["--box-loss", "ghm-r", "--ghm-bins", "0"], "--ghm-bins must be a whole number from 1"),
  ])
  func namesMistakes(options: [String], message: String) throws {
    let run = try runBags(["train"] + options)
    #expect(run.status == 64 && run.error.contains(message), "\(run.error)")
  }

  @Test func namesWhatIsMissing() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      #expect(try runBags(inputs + ["--epochs", "1", "--output", "plain"], in: folder).status == 0)
      let predicted = try runBags(["predict", "plain", "--features", "val", "--box-head", "plain"], in: folder)
      #expect(predicted.status == 1 && predicted.error.contains("fc_reg.weight"), "\(predicted.error)")
      let set = try FeatureSet(at: "\(folder)/train")
      let classes = try #require(try set.labels(categoryIDs: [1, 2, 3, 4, 5])).classes
      let writer = try FeatureSetWriter(at: "\(folder)/bare", featureCount: 12, elementType: .float32)
      for image in set.images.prefix(3) {
        let labels = image.rows.map { classes[$0] < 0 ? -1 : Int(classes[$0]) + 1 }
        try writer.append(
          ImageRoIs(
            imageID: image.id, features: try set.features(rows: image.rows), boxes: try set.boxes(rows: image.rows),
            labels: labels))
      }
      try writer.finish()
      let bare = try runBags(
        ["train", "--features", "bare", "--annotations", "train.json", "--box-loss", "smooth-l1"], in: folder)
      #expect(bare.status == 1 && bare.error.contains("gt_boxes"), "\(bare.error)")
      let boxes = inputs + ["--box-loss", "smooth-l1", "--epochs", "1"]
      #expect(try runBags(boxes + ["--output", "agnostic"], in: folder).status == 0)
      let other = try runBags(
        boxes + ["--init", "agnostic", "--box-classes", "per-class", "--output", "other"], in: folder)
      #expect(other.status == 0 && other.error.contains("is of another kind (agnostic, standard)"), "\(other.error)")
    }
  }
}
