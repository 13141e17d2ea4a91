import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

/// Feature sets after public bug reports: labels in another numbering and boxes in another scale are never trained on in
/// silence, and what is wrong with a folder or with two processes on one run is said as it is.
@Suite struct ReportedFeaturesTests {
  private let training = ["--features", "train", "--annotations", "train.json", "--epochs", "2"]

  /// `train.json` and `train/` with a fault, `val.json` and `val/` without.
  private func with(
    _ change: (inout FaultlessSet) -> Void = { _ in }, _ body: (String) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      var set = FaultlessSet()
      change(&set)
      try set.write("train", in: folder)
      try FaultlessSet(seed: 1).write("val", in: folder)
      try body(folder)
    }
  }

  /// Trains, sweeps a calibration on and compares on the set: all three refuse it in the same words.
  private func expectRefusal(_ words: [String], of change: (inout FaultlessSet) -> Void) throws {
    try with(change) { folder in
      try FaultlessSet().write("good", in: folder)
      let good = ["--features", "good", "--annotations", "good.json", "--epochs", "1", "--method", "softmax"]
      let before = try runBags(["train"] + good + ["--output", "before"], in: folder)
      #expect(before.status == 0, "\(before.error)")
      let commands = [
        ["train"] + training + ["--output", "a"],
        ["compare"] + training + ["--methods", "softmax", "--val", "val", "--val-annotations", "val.json"],
        [
          "calibrate", "before", "--method", "ncm", "--features", "train", "--annotations", "train.json", "--output",
          "b",
        ],
      ]
      for command in commands {
        let output = try runBags(command, in: folder)
        #expect(output.status == 1 && output.output.isEmpty, "\(command[0]): \(output.output)")
        for word in words { #expect(output.error.contains(word), "\(command[0]): “\(word)” in \(output.error)") }
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(!names.contains { $0.hasPrefix("a") || $0.hasPrefix("b.") || $0 == "b" }, "\(names)")
    }
  }

  // MARK: Labels that count from 0, with background last

  @Test func labelsFromZeroAreRefused() throws {
    try expectRefusal([
      "144 are labelled 5, but overlap no annotation of 5", "do the labels count from 0 with background last?",
      "category ids, background −1", "`bags check train.json --features train`",
    ]) { $0.relabel { $0 < 0 ? 5 : $0 - 1 } }
  }

  @Test func labelsThatAreRightTrainWithoutAWord() throws {
    try with { folder in
      let run = try runBags(
        ["train"] + training + ["--epochs", "12", "--learning-rate", ".05", "--output", "a"], in: folder)
      #expect(run.status == 0 && !run.error.contains("warning") && !run.error.contains("note:"), "\(run.error)")
      #expect(run.error.contains("288 RoIs (144 foreground) of 24 images"))
      let results = try runBags(
        ["predict", "a", "--features", "val", "--annotations", "val.json", "--output", "r.json"], in: folder)
      #expect(results.status == 0)
      let score = try runBags(
        ["evaluate", "--annotations", "val.json", "--results", "r.json", "--format", "json"], in: folder)
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(score.output.utf8)) as? [String: Any])
      #expect(try #require(object["AP"] as? Double) > 0.6)
    }
  }

  @Test func someLabelsAstrayAreAWarning() throws {
    try with({ $0.relabel { $0 == 2 ? 3 : $0 } }) { folder in
      let run = try runBags(["train"] + training + ["--output", "a"], in: folder)
      #expect(run.status == 0 && run.error.contains("warning: train: "), "\(run.error)")
      #expect(run.error.contains("are labelled 3, but overlap no annotation of 3"))
    }
  }

  @Test func allBackgroundIsRefused() throws {
    try expectRefusal(["all 288 RoIs are labelled background, so there is nothing to learn"]) { $0.relabel { _ in -1 } }
  }

  @Test func allBackgroundIsRefusedWithoutAnnotationsToo() throws {
    try with({ $0.relabel { _ in 0 } }) { folder in
      #expect(try runBags(["group", "train.json"], in: folder).status == 0)
      let run = try runBags(["train", "--features", "train", "--groups", "groups.json", "--output", "a"], in: folder)
      #expect(run.status == 1 && run.error.contains("all 288 RoIs are labelled background"), "\(run.error)")
    }
  }

  // MARK: Boxes in another scale

  @Test func boxesAsFractionsAreRefused() throws {
    try expectRefusal([
      "none of 288 RoIs overlaps an annotation from IoU .5 on (the best overlap is 0)",
      "are the boxes fractions of the image's width and height?",
    ]) {
      $0.removeLabels()
      $0.scaleBoxes(1 / 640, 1 / 480)
    }
  }

  @Test func boxesOfAResizedImageAreRefused() throws {
    try expectRefusal(["none of 288 RoIs overlaps", "are they in pixels of a resized image?"]) {
      $0.removeLabels()
      $0.scaleBoxes(4, 4)
    }
  }

  @Test(arguments: [("fractions", Float(1) / 640, Float(1) / 480), ("resized image", 4, 4)])
  func predictWarnsOfThem(words: String, x: Float, y: Float) throws {
    try with { folder in
      #expect(try runBags(["train"] + training + ["--output", "a"], in: folder).status == 0)
      var set = FaultlessSet(seed: 1)
      set.scaleBoxes(x, y)
      try set.write("scaled", in: folder)
      let predict = ["predict", "a", "--output", "r.json", "--overwrite", "--annotations"]
      let output = try runBags(predict + ["scaled.json", "--features", "scaled"], in: folder)
      #expect(output.status == 0 && output.error.contains("warning: scaled: none of 288 RoIs"), "\(output.error)")
      #expect(output.error.contains(words))
      // Images whose objects nobody has annotated.
      set.dataset.annotations = []
      try set.dataset.write(to: "\(folder)/test.json")
      let test = try runBags(predict + ["test.json", "--features", "scaled"], in: folder)
      #expect(test.status == 0 && test.error.contains(words), "\(test.error)")
      let fine = try runBags(predict + ["val.json", "--features", "val"], in: folder)
      #expect(fine.status == 0 && !fine.error.contains("overlap") && !fine.error.contains("box that"), "\(fine.error)")
    }
  }

  // MARK: Checkpoints of frameworks

  @Test(arguments: [
    (
      "lfs.safetensors", Array("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n".utf8),
      ["is a Git LFS pointer", "git lfs pull"]
    ),
    (
      "old.pth", [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E],
      ["is a file of torch.save", "torch.load('old.pth'", "save_file("]
    ),
    ("model_final.pkl", [0x80, 0x04, 0x7D, 0x94, 0x2E], ["is a Python pickle", "pickle.load(open('model_final.pkl'"]),
    ("page.safetensors", Array("<!DOCTYPE html><html></html>".utf8), ["is a web page (HTML)", "direct link"]),
  ])
  func checkpointsAreNamedWithTheRemedy(name: String, bytes: [UInt8], words: [String]) throws {
    try with { folder in
      try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
      let commands = [
        ["train"] + training + ["--init", name, "--output", "a"],
        ["convert", name, "--from", "detectron2", "--annotations", "train.json", "--output", "o.safetensors"],
      ]
      for command in commands {
        let output = try runBags(command, in: folder)
        #expect(output.status == 1, "\(command[0]): \(output.output)")
        for word in [name + ": "] + words {
          #expect(output.error.contains(word), "\(command[0]): “\(word)” in \(output.error)")
        }
      }
      let check = try runBags(["check", "train.json", "--head", name], in: folder)
      #expect(check.status == 1 && check.output.contains("[unreadable]"), "\(check.output)")
    }
  }

  // MARK: Folders and processes

  @Test(arguments: ["taskset -c $(taskset -cp $$ | sed 's/.*[: ]//; s/[-,].*//')", "OMP_NUM_THREADS=1"])
  func threadsAreThoseThatThereIsRoomFor(prefix: String) throws {
    try with { folder in
      let line = "\(prefix) '\(bagsPath)' train --features train --annotations train.json --epochs 1 --output a"
      let output = try runShell(line, in: folder)
      #expect(output.status == 0 && output.error.contains(#/\b1 threads?\b/#), "\(output.error)")
    }
  }

  @Test func aFolderThatCannotBeWrittenIsNamedWithItsCause() throws {
    try with { folder in
      try FileManager.default.createDirectory(atPath: "\(folder)/closed", withIntermediateDirectories: false)
      // Root may write everywhere, unless it becomes somebody else.
      let become = geteuid() == 0 ? "setpriv --reuid 65534 --regid 65534 --clear-groups " : ""
      let line =
        "chmod -R a+rX . && chmod 755 . && chmod 555 closed && cd closed && "
        + "\(become)'\(bagsPath)' train --features ../train --annotations ../train.json --epochs 1"
      let output = try runShell(line, in: folder)
      #expect(output.status == 1 && output.error.contains("Permission denied"), "\(output.error)")
      #expect(output.error.contains("runs") && output.error.contains("choose another place"), "\(output.error)")
      #expect(!output.error.contains("Input/output error"))
    }
  }

  @Test func aRunThatIsWrittenIsNoOneElses() throws {
    try with { folder in
      let words = ["train", "--features", "train", "--annotations", "train.json", "--epochs", "200000"]
      let first = try startBags(words + ["--checkpoint-interval", "0.1", "--output", "r"], in: folder)
      defer { first.terminate() }
      let deadline = Date(timeIntervalSinceNow: 60)
      while !FileManager.default.fileExists(atPath: "\(folder)/r.partial/checkpoint.safetensors"), Date() < deadline {
        Thread.sleep(forTimeInterval: 0.05)
      }
      for other in [words + ["--output", "r"], words + ["--output", "r", "--overwrite"], ["train", "--resume", "r"]] {
        let output = try runBags(other, in: folder)
        #expect(output.status == 1 && output.error.contains("\(first.processIdentifier)"), "\(output.error)")
      }
      first.interrupt()
      first.waitUntilExit()
      #expect(try runBags(["show", "r"], in: folder).status == 0)
    }
  }

  @Test func aLineThatIsStillBeingWrittenIsSkipped() throws {
    try with { folder in
      #expect(try runBags(["train"] + training + ["--output", "r"], in: folder).status == 0)
      try FileManager.default.moveItem(atPath: "\(folder)/r", toPath: "\(folder)/r.partial")
      let path = "\(folder)/r.partial/metrics.jsonl"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      try (text + #"{"epoch": 2, "lo"#).write(toFile: path, atomically: true, encoding: .utf8)
      let output = try runBags(["show", "r"], in: folder)
      #expect(output.status == 0 && output.output.contains("end of epoch"), "\(output.error)")
    }
  }
}
