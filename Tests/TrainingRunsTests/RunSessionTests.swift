import DenseLinearAlgebra
import DetectionHeads
import DurableFiles
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing
import TrainingRuns

@Suite struct RunSessionTests {
  private let source = RoIArrays(
    features: (0..<48).map { Float($0 % 7) - 3 }, featureCount: 4, labels: [0, 1, -1, 2, 0, -1, 1, 0, -1, 2, 1, 0],
    roisPerImage: [3, 3, 3, 3])
  private let recipe: TrainingRecipe
  private let groups: CategoryGroups

  init() throws {
    var settings = TrainingSettings()
    settings.epochs = 6
    settings.imagesPerBatch = 2
    recipe = TrainingRecipe(MethodChoice(name: "softmax"), settings: settings)
    groups = try CategoryGroups(
      counts: (1...3).map { CategoryCount(id: $0, name: "\($0)", instances: 4 * $0, images: 2) })
  }

  private func begin(_ path: String, replacing: Bool = false) throws -> RunSession {
    try RunSession.begin(
      at: path, record: RunRecord(of: recipe, on: source, inputs: [:], program: "test"), groups: groups,
      replacing: replacing)
  }

  private func trainer() throws -> HeadTrainer {
    try recipe.trainer(on: source, groups: groups, imageCount: source.imageCount)
  }

  private func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  private func code(_ body: () throws -> RunSession) -> RunFolderError.Code? {
    do {
      _ = try body()
      return nil
    } catch {
      return (error as? RunFolderError)?.code
    }
  }

  @Test func anInterruptedRunEndsAsOneThatWasNot() throws {
    try withTemporaryFolder { folder in
      let whole = try begin("\(folder)/whole")
      let uncut = try trainer()
      try whole.train(uncut)
      try whole.finish(uncut.head, steps: uncut.stepsTaken)
      do {
        let session = try begin("\(folder)/cut")
        var asked = 0
        var hooks = TrainingHooks()
        hooks.reportInterval = 1
        hooks.isInterrupted = {
          asked += 1
          return asked == 5
        }
        #expect(throws: TrainingError.self) { try session.train(trainer(), hooks) }
        #expect(session.hasCheckpoint)
      }
      let session = try RunSession.resume("\(folder)/cut")
      let rest = try trainer()
      try session.restore(rest)
      #expect(rest.stepsTaken == 5)
      try session.train(rest)
      let result = try session.finish(rest.head, steps: rest.stepsTaken)
      let wholeLoss = try whole.folder.record().result?.loss
      #expect(result.steps == 12 && result.loss == wholeLoss)
      let heads = try ["whole", "cut"].map {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)/head.safetensors"))
      }
      #expect(heads[0] == heads[1])
      #expect(try names(folder) == ["cut", "latest", "whole"])
      #expect(
        try names("\(folder)/cut")
          == ["checkpoint.safetensors", "groups.json", "head.safetensors", "metrics.jsonl", "run.json"])
    }
  }

  @Test func oneSessionAtATimeHasARun() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a"
      let first = try begin(path)
      try withExtendedLifetime(first) {
        let error = #expect(throws: RunFolderError.self) { try RunSession.resume(path) }
        #expect(error?.code == .inUse && error?.description.contains("process \(getpid()) writes here") == true)
        #expect(code { try begin(path, replacing: true) } == .inUse)
      }
    }
  }

  @Test func beginsAnewWhereNothingWasBegunAndRefusesWhereSomethingWas() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a"
      // Killed before there was a run.json.
      try FileManager.default.createDirectory(atPath: "\(path).partial", withIntermediateDirectories: true)
      try Data("x".utf8).write(to: URL(fileURLWithPath: "\(path).partial/run.json.1.2.partial"))
      #expect(code { try RunSession.resume(path) } == .nothingToResume)
      do { _ = try begin(path) }
      #expect(try names("\(path).partial") == [".lock", "groups.json", "metrics.jsonl", "run.json"])
      #expect(code { try begin(path) } == .interruptedRun)
      #expect(code { try begin(path, replacing: true) } == nil)
      do {
        let session = try RunSession.resume(path)
        session.discard()
      }
      #expect(try names(folder) == [])
    }
  }

  @Test func whatDivergesOrFailsBeforeACheckpointIsDiscarded() throws {
    try withTemporaryFolder { folder in
      var wild = recipe
      wild.settings.learningRate = 1e30
      wild.settings.gradientClip = nil
      let session = try begin("\(folder)/a")
      let trainer = try wild.trainer(on: source, groups: groups, imageCount: 4)
      #expect(throws: TrainingError.self) { try session.train(trainer) }
      #expect(try names(folder) == [])
    }
  }

  /// A process that was killed between moving the earlier run away and putting its own there.
  @Test func anEarlierRunComesBack() throws {
    try withTemporaryFolder { folder in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/true")
      try process.run()
      process.waitUntilExit()
      let left = "\(folder)/a.replaced-\(process.processIdentifier)"
      try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: true)
      try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(left)/run.json"))
      try FileManager.default.createSymbolicLink(
        atPath: "\(folder)/latest.\(process.processIdentifier)", withDestinationPath: "a")
      let session = try begin("\(folder)/a")
      #expect(try names(folder) == ["a", "a.partial"])
      session.discard()
    }
  }

  @Test func aLineThatIsBeingWrittenIsPassedOver() throws {
    try withTemporaryFolder { folder in
      let session = try begin("\(folder)/a")
      let trainer = try trainer()
      try session.train(trainer)
      try session.finish(trainer.head)
      let run = RunFolder(at: "\(folder)/a")
      let text = try String(contentsOfFile: run.metricsPath, encoding: .utf8)
      let lines = try run.metrics()
      #expect(lines.count == 6)
      try String(text.dropLast(20)).write(toFile: run.metricsPath, atomically: true, encoding: .utf8)
      #expect(try run.metrics() == lines.dropLast())
      try (String(text.dropLast(20)) + "\n").write(toFile: run.metricsPath, atomically: true, encoding: .utf8)
      #expect(throws: RunFolderError.self) { try run.metrics() }
    }
  }
}
