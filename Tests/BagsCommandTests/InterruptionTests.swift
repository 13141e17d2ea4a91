import BalancedGroupSoftmax
import DurableFiles
import Foundation
import TestSupport
import Testing

/// What stops a command from outside: signals, files that shrink, limits.
@Suite struct InterruptionTests {
  private func names(in folder: String) throws -> Set<String> {
    Set(try FileManager.default.subpathsOfDirectory(atPath: folder))
  }

  /// A command that would run for minutes, stopped while it works: how it ends, after how long, and what it leaves.
  ///
  /// - Parameter isReady: When it is to be stopped; after some time where it says so at once.
  private func stop(
    _ words: [String], in folder: String, by signals: [Int32], after seconds: Double,
    when isReady: () -> Bool = { true }
  ) throws -> (status: Int32, seconds: Double, error: String) {
    let process = try startBags(words, in: folder, error: "error.txt", environment: ["TMPDIR": folder])
    let deadline = Date(timeIntervalSinceNow: 120)
    while !isReady(), process.isRunning, Date() < deadline { Thread.sleep(forTimeInterval: 0.005) }
    Thread.sleep(forTimeInterval: seconds)
    let start = ContinuousClock.now
    for signal in signals { kill(process.processIdentifier, signal) }
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    let error = try String(contentsOfFile: "\(folder)/error.txt", encoding: .utf8)
    try FileManager.default.removeItem(atPath: "\(folder)/error.txt")
    return (process.terminationStatus, (ContinuousClock.now - start) / .seconds(1), error)
  }

  /// Twice, as an impatient user does, who does not wait for a checkpoint.
  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func endsEveryCommand(signal: Int32, status: Int32) throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let before = try names(in: folder)
      for words in [
        ["demo", "--output", "shown"],
        ["compare", "--epochs", "1000000", "--output", "compared"],
        ["train", "--features", "train", "--annotations", "train.json", "--epochs", "1000000", "--output", "trained"],
      ] {
        let end = try stop(words, in: folder, by: [signal, signal], after: 0.5)
        #expect(end.status == status && end.seconds < 10, "\(words) \(end)")
        #expect(end.error.contains("interrupted"), "\(words) \(end)")
        let left = try names(in: folder).subtracting(before).filter { name in
          // A comparison and a run that can be gone on with may stay.
          !name.hasPrefix("compared") && !name.hasPrefix("trained.partial")
        }
        #expect(left.isEmpty, "\(words) \(left)")
        #expect(
          try names(in: folder).filter {
            $0.hasSuffix(".partial") && !$0.hasPrefix("compared/runs/") && $0 != "trained.partial"
          }.isEmpty)
      }
    }
  }

  /// A sweep is scored for long; nothing asks meanwhile.
  @Test func endsWhatDoesNotAsk() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let data = ["--features", "train", "--annotations", "train.json"]
      let trained = try runBags(
        ["train", "--method", "softmax", "--epochs", "1", "--output", "softmax"] + data, in: folder)
      #expect(trained.status == 0, "\(trained.error)")
      let before = try names(in: folder)
      let end = try stop(
        ["calibrate", "softmax", "--method", "norcal", "--sweep", "gamma=0:10:0.0101", "--output", "a"], in: folder,
        by: [SIGTERM], after: 0.2)
      #expect(end.status == 143 && end.seconds < 10, "\(end)")
      #expect(try names(in: folder) == before)
    }
  }

  /// The first signal lets a training save what it came to; it is gone on with.
  @Test func trainingSavesACheckpoint() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let words = [
        "train", "--features", "train", "--annotations", "train.json", "--epochs", "1000000", "--output", "a",
      ]
      let end = try stop(words, in: folder, by: [SIGTERM], after: 0.2) {
        FileManager.default.fileExists(atPath: "\(folder)/a.partial/run.json")
      }
      #expect(end.status == 143 && end.error.contains("bags train --resume a"), "\(end)")
      let checkpoint = try openTensors(at: "\(folder)/a.partial/checkpoint.safetensors")
      #expect(!checkpoint.names.isEmpty)
    }
  }

  /// What is mapped is gone when another program shortens the file.
  @Test func aShardThatShrinksIsNamed() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let shard = try #require(
        try FileManager.default.contentsOfDirectory(atPath: "\(folder)/train").first { $0.hasSuffix(".safetensors") })
      let checkpoint = "\(folder)/a.partial/checkpoint.safetensors"
      let words = [
        "train", "--features", "train", "--annotations", "train.json", "--epochs", "1000000", "--memory-limit", "1",
        "--checkpoint-interval", "0.05", "--output", "a",
      ]
      let process = try startBags(words, in: folder, error: "error.txt")
      while !FileManager.default.fileExists(atPath: checkpoint), process.isRunning {
        Thread.sleep(forTimeInterval: 0.005)
      }
      #expect(truncate("\(folder)/train/\(shard)", 0) == 0)
      process.waitUntilExit()
      let error = try String(contentsOfFile: "\(folder)/error.txt", encoding: .utf8)
      #expect(process.terminationReason == .exit && process.terminationStatus == 1, "\(error)")
      let said = error.split(separator: "\n").filter { $0.hasPrefix("Error: ") }
      #expect(said.count == 1 && said.first?.contains("train/\(shard): was shortened by another program") == true)
      #expect(!error.contains("Fatal") && !error.contains("SIGBUS") && !error.contains("Thread"), "\(error)")
      #expect(!(try openTensors(at: checkpoint).names.isEmpty))
      #expect(try names(in: "\(folder)/a.partial").filter { $0.hasSuffix(".partial") }.isEmpty)
    }
  }

  /// Without a trap in the shell: the limit of file sizes is an error as a full disk is.
  @Test func theLimitOfFileSizesIsAnError() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let trained = try runBags(
        ["train", "--features", "train", "--annotations", "train.json", "--epochs", "1", "--output", "a"], in: folder)
      #expect(trained.status == 0, "\(trained.error)")
      let before = try names(in: folder)
      let run = try runShell(
        "ulimit -f 8; exec '\(bagsPath)' predict a --features val --annotations val.json --score-threshold 0",
        in: folder)
      #expect(run.status == 1 && run.error.contains("results.json: cannot write: File too large"), "\(run.error)")
      #expect(run.error.contains("ulimit -f"))
      #expect(try names(in: folder) == before)
    }
  }

  /// OMP_NUM_THREADS is what a user of a cluster sets.
  @Test func threadsByEnvironment() throws {
    try withTemporaryFolder { folder in
      let run = try runBags(
        ["train", "--epochs", "1", "--output", "a"], in: folder, environment: ["OMP_NUM_THREADS": "1"])
      #expect(run.status == 0 && run.error.contains(" 1 threads"), "\(run.error)")
      let settings = try jsonObject(at: "\(folder)/a/run.json")["settings"] as? [String: Any]
      #expect(settings?["threads"] as? Int == 1)
    }
  }
}
