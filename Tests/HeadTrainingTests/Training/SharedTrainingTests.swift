import Communication
import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Several processes train one head: the same bytes as one, whatever their number.
@Suite struct SharedTrainingTests {
  private struct Case: CustomStringConvertible, Sendable {
    var description: String
    var method = MethodChoice(name: "bags")
    var mining: MethodChoice?
    var boxes: BoxChoice?
    var hidden: [Int] = []
    var temperature: Double?
  }

  private static let cases = [
    Case(description: "bags", method: MethodChoice(name: "bags", parameters: ["others-ratio": "2"])),
    Case(description: "softmax", method: MethodChoice(name: "softmax")),
    Case(description: "ghm", method: MethodChoice(name: "ghm")),
    Case(description: "seesaw", method: MethodChoice(name: "seesaw")),
    Case(description: "eqlv2", method: MethodChoice(name: "eqlv2")),
    Case(
      description: "ohem", method: MethodChoice(name: "softmax"),
      mining: MethodChoice(name: "ohem", parameters: ["rois-per-image": "3", "mining-nms": "1"])),
    Case(description: "random", mining: MethodChoice(name: "random", parameters: ["rois-per-image": "4"])),
    Case(description: "boxes", boxes: BoxChoice(loss: MethodChoice(name: "smooth-l1"))),
    Case(description: "hidden", hidden: [8, 7]),
    Case(description: "normed", method: MethodChoice(name: "softmax"), temperature: 20),
    Case(description: "bacl", method: MethodChoice(name: "bacl")),
  ]

  private static func trainer(_ example: Case, shards: Int?, epochs: Int = 3, threads: Int = 1) throws -> HeadTrainer {
    let groups = try exampleGroups()
    var source = exampleRoIs(classCount: groups.classCount)
    let count = source.labels.count
    let boxes: [[Float]] = (0..<count).map { row in [Float(10 + row % 7), 10, Float(30 + row % 5), 40] }
    let objects: [[Float]] = (0..<count).map { row in [Float(11 + row % 3), 12, 33, Float(41 + row % 4)] }
    source.columns = [.boxes: boxes.flatMap(\.self), .groundTruthBoxes: objects.flatMap(\.self)]
    var settings = TrainingSettings(epochs: epochs, imagesPerBatch: 7, learningRate: 0.1, milestones: [2])
    settings.shards = shards
    settings.threads = threads
    var architecture = HeadArchitecture()
    architecture.hidden = example.hidden
    architecture.temperature = example.temperature
    let recipe = TrainingRecipe(
      example.method, mining: example.mining, boxes: example.boxes, architecture: architecture, settings: settings)
    return try recipe.trainer(on: source, groups: groups, imageCount: source.imageCount)
  }

  /// All trained numbers, their momentum and what the loss has learnt.
  private static func state(_ trainer: HeadTrainer) -> [[UInt32]] {
    let checkpoint = trainer.checkpoint()
    return checkpoint.parameters.flatMap {
      [$0.values.storage.map(\.bitPattern), $0.velocity.storage.map(\.bitPattern)]
    } + checkpoint.objectiveState.sorted { $0.key < $1.key }.map { $0.value.map { Float($0).bitPattern } }
  }

  @Test(arguments: cases.indices, [5, 16])
  func anyNumberOfProcessesGivesTheSameBytes(index: Int, shards: Int) throws {
    let example = Self.cases[index]
    let alone = try Self.trainer(example, shards: shards)
    let loss = try alone.run()
    for count in [1, 2, 3, 8] {
      let results = try ThreadRanks.run(count) { ranks in
        let trainer = try Self.trainer(example, shards: shards)
        try trainer.share(among: ranks)
        return (try trainer.run(), Self.state(trainer))
      }
      #expect(results.count == count)
      for (rank, result) in results.enumerated() {
        #expect(result.0 == loss, "\(example), \(count) processes, process \(rank)")
        #expect(result.1 == Self.state(alone), "\(example), \(count) processes, process \(rank)")
      }
    }
  }

  /// Cut into shards or not, a training comes to the same but for rounding.
  @Test(arguments: cases.indices)
  func shardsChangeTheLastBitsAlone(index: Int) throws {
    let example = Self.cases[index]
    let whole = try Self.trainer(example, shards: nil)
    let cut = try Self.trainer(example, shards: 16)
    let losses = (try whole.run(), try cut.run())
    #expect(abs(losses.0 - losses.1) < 1e-4 * abs(losses.0), "\(example)")
    #expect(largestDifference(whole.head.weight.storage, cut.head.weight.storage) < 1e-3, "\(example)")
    #expect(whole.head.weight != cut.head.weight, "\(example)")
  }

  @Test func goesOnWithAnotherNumberOfProcesses() throws {
    let example = Self.cases[0]
    let alone = try Self.trainer(example, shards: 16)
    try alone.run()
    let half = try ThreadRanks.run(3) { ranks in
      let trainer = try Self.trainer(example, shards: 16)
      try trainer.share(among: ranks)
      try trainer.run(upTo: 4)
      return trainer.checkpoint()
    }
    let checkpoint = half[0]
    let ends = try ThreadRanks.run(2) { ranks in
      let trainer = try Self.trainer(example, shards: 16)
      try trainer.share(among: ranks)
      try trainer.restore(checkpoint)
      try trainer.run()
      return Self.state(trainer)
    }
    #expect(ends == [Self.state(alone), Self.state(alone)])
  }

  /// One is asked to stop; all stop behind the same step.
  @Test func stopTogether() throws {
    let steps = try ThreadRanks.run(3) { ranks in
      let trainer = try Self.trainer(Self.cases[0], shards: 16, epochs: 100)
      try trainer.share(among: ranks)
      var hooks = TrainingHooks()
      hooks.isInterrupted = { ranks.rank == 2 && trainer.stepsTaken >= 5 }
      do {
        try trainer.run(hooks)
        return -1
      } catch TrainingError.interrupted(let step) {
        return step
      }
    }
    #expect(Set(steps).count == 1 && steps[0] >= 5 && steps[0] < 8, "\(steps)")
  }

  @Test func anErrorOfOneIsAllProcesses() throws {
    let errors = try ThreadRanks.run(3) { ranks in
      do {
        return try ranks.agreed {
          if ranks.rank == 1 { throw CommunicationError("no such thing") }
          return "fine"
        }
      } catch let error as AgreedError {
        return error.description
      }
    }
    #expect(errors == Array(repeating: "no such thing (process 1)", count: 3))
  }

  @Test func threadsDoNotChangeWhatShardsComeTo() throws {
    for index in [0, 1, 2, 9] {
      let (one, two) = (
        try Self.trainer(Self.cases[index], shards: 16), try Self.trainer(Self.cases[index], shards: 16, threads: 2)
      )
      #expect(try one.run() == two.run())
      #expect(Self.state(one) == Self.state(two), "\(Self.cases[index])")
    }
  }

  @Test func refusesSeveralProcessesWithoutShards() throws {
    let codes = try ThreadRanks.run(2) { ranks -> LinearHeadError.Code? in
      let trainer = try Self.trainer(Self.cases[0], shards: nil)
      do {
        try trainer.share(among: ranks)
        return nil
      } catch let error as LinearHeadError {
        return error.code
      }
    }
    #expect(codes == [.badSetting, .badSetting])
    #expect(TrainingSettings().with(shards: 0).fault == "shards must be from 1 to 65536")
  }
}

extension TrainingSettings {
  fileprivate func with(shards: Int) -> TrainingSettings {
    var settings = self
    settings.shards = shards
    return settings
  }
}
