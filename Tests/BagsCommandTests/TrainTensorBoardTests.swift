import Foundation
import TestSupport
import Testing

/// What the real reader makes of the files: Tests/Scripts/tensorboard_events.py.
@Suite struct TrainTensorBoardTests {
  private let inputs = ["train", "--features", "train", "--annotations", "train.json", "--threads", "1"]

  private func events(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @Test func writesEventsBesideTheRun() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let plain = try runBags(inputs + ["--epochs", "2", "--output", "plain"], in: folder)
      let run = try runBags(inputs + ["--epochs", "2", "--output", "runs/a", "--tensorboard", "logs"], in: folder)
      #expect(plain.status == 0 && run.status == 0, "\(run.error)")
      let names = try events("\(folder)/logs/a")
      #expect(names.count == 1 && names[0].hasPrefix("events.out.tfevents."))
      // Bytes, not characters: a checksum behind a tag may read as an accent on its last letter.
      let data = try fileBytes("\(folder)/logs/a/\(names[0])")
      for tag in ["brain.Event:2", "loss/G0", "learning_rate", "gradient_norm", "others_share", "weight_norms/G1"] {
        #expect(data.range(of: Data(tag.utf8)) != nil, "\(tag)")
      }
      func head(_ run: String) throws -> Data {
        try fileBytes("\(folder)/\(run)/head.safetensors")
      }
      #expect(try head("plain") == head("runs/a"))
    }
  }

  @Test func anotherRunsEventsAreNotMixedIn() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let words = inputs + ["--epochs", "1", "--tensorboard", "logs"]
      #expect(try runBags(words + ["--output", "runs/a"], in: folder).status == 0)
      let refused = try runBags(words + ["--output", "elsewhere/a"], in: folder)
      #expect(
        refused.status == 1 && refused.error.contains("logs/a/events.out.tfevents")
          && refused.error.contains("--overwrite"))
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/elsewhere/a"))
      #expect(try runBags(words + ["--output", "elsewhere/a", "--overwrite"], in: folder).status == 0)
      #expect(try events("\(folder)/logs/a").count == 1)
    }
  }

  @Test func resumedRunGoesOnInAFileOfItsOwn() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let words = inputs + ["--epochs", "400000", "--tensorboard", "logs", "--output", "a"]
      let process = try startBags(words, in: folder)
      while !FileManager.default.fileExists(atPath: "\(folder)/a.partial/run.json") {
        Thread.sleep(forTimeInterval: 0.01)
      }
      Thread.sleep(forTimeInterval: 0.2)
      process.interrupt()
      process.waitUntilExit()
      let resumed = try startBags(["train", "--resume", "a"], in: folder)
      while try events("\(folder)/logs/a").count < 2 { Thread.sleep(forTimeInterval: 0.01) }
      resumed.interrupt()
      resumed.waitUntilExit()
      #expect(try events("\(folder)/logs/a").count == 2)
    }
  }
}
