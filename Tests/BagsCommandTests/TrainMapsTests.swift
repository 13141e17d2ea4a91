import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

@Suite struct TrainMapsTests {
  /// The whole path on the built-in set of feature maps, in an empty folder.
  @Test func theBuiltInSetIsEnough() throws {
    try withTemporaryFolder { folder in
      let trained = try runBags(
        ["train", "--dense", "--method", "focal", "--epochs", "2", "--learning-rate", "0.1", "--output", "runs/a"],
        in: folder)
      #expect(trained.status == 0, "\(trained.error)")
      #expect(trained.output.contains("anchors/s"))
      let predicted = try runBags(
        [
          "predict", "runs/a", "--features", "dense-set/val", "--annotations", "dense-set/annotations_val.json",
          "--format", "json",
        ], in: folder)
      #expect(predicted.status == 0, "\(predicted.error)")
      let scored = try runBags(
        [
          "evaluate", "--annotations", "dense-set/annotations_val.json", "--results", "results.json", "--format",
          "json",
        ],
        in: folder)
      let metrics = try #require(
        JSONSerialization.jsonObject(with: Data(scored.output.utf8)) as? [String: Any])
      #expect(try #require(metrics["APf"] as? Double) > 0.05)
      let norms = try runBags(["report", "weightnorms", "--format", "json"], in: folder)
      #expect(norms.status == 0 && norms.output.contains("\"rank_correlation\""))
      // The run's own settings repeat it.
      let again = try runBags(["train", "--config", "runs/a", "--output", "runs/b"], in: folder)
      #expect(again.status == 0, "\(again.error)")
      let heads = try ["a", "b"].map {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/runs/\($0)/head.safetensors"))
      }
      #expect(heads[0] == heads[1])
      let adjusted = try runBags(
        ["calibrate", "runs/a", "--method", "post-hoc-adjustment", "--tau", "0.3", "--output", "runs/c"], in: folder)
      #expect(adjusted.status == 0, "\(adjusted.error)")
    }
  }

  /// Both branches with convolutions below their last ones: training, its repetition, detection, conversion and a start
  /// from what was trained.
  @Test func branchesWithTowers() throws {
    try withTemporaryFolder { folder in
      let set = SmallMapSet(categoryIDs: [1, 2, 3])
      try set.write(to: "\(folder)/maps")
      try set.dataset.write(to: "\(folder)/a.json")
      func run(_ words: [String]) throws -> String {
        let result = try runBags(words, in: folder)
        #expect(result.status == 0, "\(words): \(result.error)")
        return result.output + result.error
      }
      let maps = ["--features", "maps", "--annotations", "a.json"]
      let layers = ["--tower", "2", "--norm-groups", "2", "--box-loss", "giou"]
      _ = try run(["train", "--epochs", "2", "--method", "focal", "--output", "runs/a"] + maps + layers)
      _ = try run(["train", "--config", "runs/a", "--output", "runs/b"])
      let heads = try ["a", "b"].map {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/runs/\($0)/head.safetensors"))
      }
      #expect(heads[0] == heads[1])
      #expect(try run(["show", "runs/a"]).contains("tower"))
      #expect(try run(["predict", "runs/a", "--output", "own.json"] + maps).contains("regression branch"))
      for framework in ["torchvision", "detectron2", "mmdetection"] {
        _ = try run(["convert", "runs/a", "--to", framework, "--output", "\(framework).safetensors"])
        let text = try run([
          "convert", "\(framework).safetensors", "--annotations", "a.json", "--norm-groups", "2", "--output",
          "\(framework)-back.safetensors",
        ])
        #expect(text.contains("2 convolutions below the last, with regression branch"))
        _ = try run(
          ["predict", "\(framework)-back.safetensors", "--box-head", "runs/a", "--output", "\(framework).json"]
            + ["--features", "maps"])
      }
      // A last layer alone beside the detector's own head: the mean has the detector's convolutions and boxes.
      _ = try run(["train", "--epochs", "1", "--method", "ghm", "--tower", "0", "--output", "runs/last"] + maps)
      _ = try run(["average", "runs/last", "torchvision-back.safetensors", "--output", "runs/mean"])
      var pyramid = set
      pyramid.metadata["tower"] = "2"
      try pyramid.write(to: "\(folder)/pyramid")
      let onPyramid = ["--features", "pyramid", "--box-head", "runs/mean", "--output", "mean.json"]
      #expect(try run(["predict", "runs/mean"] + onPyramid).contains("regression branch"))
      _ = try run(["predict", "runs/mean", "--output", "mean-last.json"] + maps)
      let refused = try runBags(["average", "runs/last", "runs/a", "--output", "runs/none"], in: folder)
      #expect(refused.status == 1 && refused.error.contains("convolutions"))
      // What goes on from its head starts with its losses.
      _ = try run(
        ["train", "--init", "runs/a", "--epochs", "1", "--method", "focal", "--output", "runs/c"] + maps + layers)
    }
  }

  /// Comparing, tuning, racing, averaging and looking at runs on the built-in maps.
  @Test func mapsAreComparedAndRaced() throws {
    try withTemporaryFolder { folder in
      func run(_ words: String) throws -> String {
        let result = try runBags(words.split(separator: " ").map(String.init), in: folder)
        #expect(result.status == 0, "\(words): \(result.error)")
        return result.output
      }
      let table = try run(
        "compare --dense --methods focal,bags --epochs 1 --learning-rate 0.1 --replicates 0 --output c")
      #expect(table.contains("bags"))
      let text = try String(contentsOfFile: "\(folder)/c/README.md", encoding: .utf8)
      #expect(text.contains("anchors of 400 images (32 channels, 40 classes)") && !text.contains("RoIs"))

      try SyntheticMapSet(seed: 5, configuration: .small).write(to: "\(folder)/s")
      let data = "--features s/train --annotations s/annotations_train.json"
      _ = try run("train \(data) --method focal --epochs 1 --learning-rate 0.1 --output own")
      let counted = try run("group s/annotations_train.json --features s/train --output g.json")
      #expect(counted.contains("anchors of 120 images") && counted.contains("ignored"))
      let raced = try run("train \(data) --method auto --epochs 1 --learning-rate 0.1 --tune-splits 1 --output raced")
      #expect(raced.contains("wins") || raced.contains("nothing here is better"))
      let shown = try run("show raced")
      #expect(shown.contains("rung") && shown.contains("anchors of 120 images") && !shown.contains("RoIs"))
      _ = try run("report page raced --output page.html --overwrite")
      let page = try String(contentsOfFile: "\(folder)/page.html", encoding: .utf8)
      #expect(page.contains("Race") && page.contains("feature maps") && !page.contains("RoI"))
      _ = try run("calibrate own --method competition --output competing")
      let swept = try run("calibrate own \(data) --method post-hoc-adjustment --sweep tau=0:0.4:0.2 --output swept")
      #expect(swept.contains("taken"))
    }
  }

  /// What is for RoIs says so of maps, and what is for maps of RoIs.
  @Test func kindsAreNotMixed() throws {
    try withTemporaryFolder { folder in
      let set = SmallMapSet(categoryIDs: [1, 2, 3])
      try set.write(to: "\(folder)/maps")
      try set.dataset.write(to: "\(folder)/a.json")
      try FaultlessSet().write("rois", in: folder)
      func error(_ words: [String]) throws -> String {
        let result = try runBags(words, in: folder)
        #expect(result.status == 1 || result.status == 64, "\(words)")
        return result.error
      }
      let maps = ["--features", "maps", "--annotations", "a.json"]
      #expect(try error(["train"] + maps + ["--hidden", "8"]).contains("3 × 3"))
      #expect(
        try error(["train"] + maps + ["--box-loss", "smooth-l1", "--box-classes", "per-class"]).contains("all classes"))
      #expect(try error(["train"] + maps + ["--tower", "1", "--norm-groups", "3"]).contains("groups"))
      #expect(
        try error(["train", "--features", "rois", "--annotations", "rois.json", "--tower", "1"]).contains("maps"))
      #expect(try error(["train", "--features", "maps", "--groups", "10,100"]).contains("--annotations"))
      #expect(
        try error(["compare"] + maps + ["--methods", "bags", "--val", "rois", "--val-annotations", "a.json"]).contains(
          "set of RoIs"))
      #expect(
        try error(["train", "--features", "rois", "--annotations", "rois.json", "--normalizer", "anchors"])
          .contains("feature maps"))
      #expect(try runBags(["train", "--epochs", "1", "--output", "r"] + maps, in: folder).status == 0)
      #expect(try error(["predict", "r", "--features", "rois"]).contains("the head is a dense one"))
      #expect(
        try error(["train", "--init", "r", "--features", "rois", "--annotations", "rois.json"]).contains("dense head"))
      #expect(try error(["export", "r", "--onnx", "r.onnx"]).contains("dense"))
      #expect(try error(["export", "r", "--onnx", "r.onnx", "--features", "rois"]).contains("no set of feature maps"))
      let exported = try runBags(["export", "r", "--onnx", "r.onnx", "--features", "maps"], in: folder)
      #expect(exported.status == 0 && exported.output.contains("5 × 6, 3 × 3"), "\(exported.error)")
    }
  }
}
