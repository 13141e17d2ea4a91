import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Mining inside training: what selectors are shown, and what becomes of the RoIs that they leave out.
@Suite struct RoIMinerTests {
  @Test func trainingOnChosenRoIsIsTrainingOnThemAlone() throws {
    let source = try exampleSource()
    let mined = try trainer(on: source, selector: EvenRows())
    let alone = try trainer(on: evenRows(of: source), selector: nil)
    for _ in 0..<12 {
      let (a, b) = (try mined.step(), try alone.step())
      #expect(a.losses == b.losses && a.roiCount == b.roiCount && a.foregroundCount == b.foregroundCount)
    }
    #expect(mined.head.weight == alone.head.weight && mined.head.bias == alone.head.bias)
  }

  @Test func selectorsSeeLossesBoxesAndProgress() throws {
    let source = try exampleSource()
    let probe = Probe()
    let trainer = try trainer(on: source, selector: probe)
    _ = try trainer.step()
    let head = trainer.head
    _ = try trainer.step()
    let batch = try #require(probe.batches.last)
    #expect(probe.batches.first?.progress == 0 && batch.progress == 1 / Double(trainer.stepCount))
    let boxes = source.values(.boxes, rows: 0..<source.labels.count) ?? []
    for (place, row) in batch.rows.enumerated() {
      #expect(batch.labels[place] == source.labels[row])
      #expect(
        batch.boxes[place] == CornerBox(boxes[4 * row], boxes[4 * row + 1], boxes[4 * row + 2], boxes[4 * row + 3]))
      let features = Matrix(rows: 1, columns: 3, values: Array(source.features[3 * row..<3 * row + 3]))
      var z = Matrix.linear(features, weight: head.weight, bias: head.bias).storage
      let target = Int(batch.labels[place]) + 1
      let atTarget = z[target]
      let loss = Float.softmax(&z, count: z.count) - atTarget
      #expect(abs(batch.classLosses[place] - loss) < 1e-5)
      // Cached deltas of 0 and ground truth .3 widths to the right: |.3 / .1| − ½ beyond β 1.
      #expect(abs(batch.boxLosses[place] - (batch.labels[place] < 0 ? 0 : 2.5)) < 1e-4)
    }
  }

  @Test(arguments: RoIMiningMethod.all.map(\.name)) func goesOnFromACheckpoint(name: String) throws {
    let source = try exampleSource()
    let mining = try #require(RoIMiningMethod.named(name))
    var choice = MethodChoice(name: name)
    if mining.parameters.contains(where: { $0.name == "rois-per-image" }) { choice.parameters["rois-per-image"] = "3" }
    let start = try trainer(on: source, selector: nil).head
    func selector() throws -> any RoISelector {
      try RoIMiningMethod.selector(choice, for: RoIMiningData(source: source, head: start, seed: 5))
    }
    let whole = try trainer(on: source, selector: selector())
    try whole.run()
    let first = try trainer(on: source, selector: selector())
    for _ in 0..<7 { _ = try first.step() }
    let second = try trainer(on: source, selector: selector())
    try second.restore(first.checkpoint())
    try second.run()
    #expect(second.head.weight == whole.head.weight && second.head.bias == whole.head.bias)
    let all = try trainer(on: source, selector: nil)
    try all.run()
    #expect(all.head.weight != whole.head.weight)
  }

  /// An image without foreground gives no RoI where no background may be kept.
  @Test func aBatchMayEndUpEmpty() throws {
    let source = RoIArrays(features: [1, 2, 3], featureCount: 3, labels: [-1], roisPerImage: [1])
    let trainer = try trainer(on: source, selector: PerImageHardExamples(negativesPerPositive: 0))
    let before = trainer.head
    let step = try trainer.step()
    #expect(step.roiCount == 0 && step.loss == 0 && step.gradientNorm == 0)
    #expect(largestDifference(trainer.head.weight.storage, before.weight.storage.map { Double($0) }) < 1e-4)
  }

  @Test func refusesWhatTheRoIsDoNotHave() throws {
    let plain = RoIArrays(features: [1, 2, 3], featureCount: 3, labels: [0], roisPerImage: [1])
    #expect(throws: LinearHeadError.self) { try trainer(on: plain, selector: OnlineHardExamples()) }
    var withBoxes = plain
    withBoxes.columns[.boxes] = [0, 0, 1, 1]
    _ = try trainer(on: withBoxes, selector: OnlineHardExamples())
    #expect(throws: LinearHeadError.self) { try trainer(on: withBoxes, selector: StratifiedHardExamples()) }
  }

  private func trainer(on source: RoIArrays, selector: (any RoISelector)?) throws -> HeadTrainer {
    let groups = try CategoryGroups(instances: [9, 9, 9, 9])
    var settings = TrainingSettings()
    settings.epochs = 4
    settings.imagesPerBatch = 3
    settings.threads = 2
    let objective = SoftmaxObjective(classCount: 4)
    var generator = SeededGenerator(seed: 3)
    let head = LinearHead(
      inputs: 3, layout: objective.layout, groups: groups, method: "softmax", deviation: 0.5, using: &generator)
    return try HeadTrainer(
      head: head, objective: objective, source: source, settings: settings, selector: selector)
  }

  /// 10 images of 8 RoIs with 3 features and all columns.
  private func exampleSource() throws -> RoIArrays {
    var generator = SeededGenerator(seed: 21)
    var source = RoIArrays(
      features: (0..<240).map { _ in Float(standardNormal(using: &generator)) }, featureCount: 3,
      labels: (0..<80).map { _ in max(-1, Int32.random(in: -5..<4, using: &generator)) },
      roisPerImage: Array(repeating: 8, count: 10))
    let corners = (0..<80).map { _ in Float.random(in: 0..<60, using: &generator).rounded() }
    source.columns[.boxes] = corners.flatMap { [$0, $0, $0 + 20, $0 + 20] }
    source.columns[.groundTruthBoxes] = corners.flatMap { [$0 + 6, $0, $0 + 26, $0 + 20] }
    source.columns[.boxDeltas] = Array(repeating: 0, count: 320)
    return source
  }

  private func evenRows(of source: RoIArrays) -> RoIArrays {
    RoIArrays(
      features: (0..<40).flatMap { source.features[6 * $0..<6 * $0 + 3] }, featureCount: 3,
      labels: (0..<40).map { source.labels[2 * $0] }, roisPerImage: Array(repeating: 4, count: 10))
  }
}

private struct EvenRows: RoISelector {
  var needs: RoISelectionNeeds { [] }
  func select(from batch: RoIBatch, using generator: inout SeededGenerator) -> [Int32] {
    batch.rows.indices.filter { batch.rows[$0] % 2 == 0 }.map { Int32($0) }
  }
}

/// Keeps what it was shown.
private final class Probe: RoISelector, @unchecked Sendable {
  var batches: [RoIBatch] = []
  var needs: RoISelectionNeeds { [.boxes, .classLosses, .boxLosses] }
  func select(from batch: RoIBatch, using generator: inout SeededGenerator) -> [Int32] {
    batches.append(batch)
    return batch.labels.indices.map { Int32($0) }
  }
}
