import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import TestSupport
import Testing

@Suite struct HeadTrainerTests {
  /// The trainer multiplies only the rows that a group needs; this multiplies everything, in double precision.
  @Test(arguments: [1, 2], [GroupedLayout.Background.sigmoid, .official])
  func equalsThePlainImplementationAfterAHundredSteps(
    threads: Int, background: GroupedLayout.Background
  ) throws {
    let groups = try exampleGroups()
    let source = exampleRoIs(classCount: groups.classCount)
    var settings = TrainingSettings()
    settings.epochs = 20
    settings.imagesPerBatch = 4
    settings.learningRate = 0.1
    settings.warmupSteps = 3
    settings.gradientClip = 1.5
    settings.weightDecay = 0.01
    settings.threads = threads
    settings.milestones = [15]

    var generator = SeededGenerator(seed: 9)
    let objective = BalancedGroupSoftmaxLoss(groups: groups, background: background, othersRatio: 2)
    let start = LinearHead(
      inputs: source.featureCount, layout: objective.layout, groups: groups, method: "bags", using: &generator)
    let trainer = try HeadTrainer(head: start, objective: objective, source: source, settings: settings)
    var plain = PlainTrainer(head: start, objective: objective, source: source, settings: settings)
    var clipped = 0
    for _ in 0..<100 {
      let step = try trainer.step()
      let (losses, norm) = plain.step()
      #expect(largestDifference(step.losses, losses) < 1e-4)
      #expect(abs(step.gradientNorm - norm) < 1e-4 * norm)
      if norm > 1.5 { clipped += 1 }
    }
    #expect(trainer.stepCount == 100 && clipped > 0 && clipped < 100)
    #expect(largestDifference(trainer.head.weight.storage, plain.weight.storage) < 1e-4)
    #expect(largestDifference(trainer.head.bias, plain.bias) < 1e-4)
  }

  @Test func isTheSameEveryTime() throws {
    func trained() throws -> LinearHead {
      let groups = try exampleGroups()
      var settings = TrainingSettings()
      settings.epochs = 2
      settings.threads = 2
      var generator = SeededGenerator(seed: 4)
      let objective = BalancedGroupSoftmaxLoss(groups: groups)
      let head = LinearHead(
        inputs: 6, layout: objective.layout, groups: groups, method: "bags", using: &generator)
      let trainer = try HeadTrainer(
        head: head, objective: objective, source: exampleRoIs(classCount: groups.classCount), settings: settings)
      while trainer.stepsTaken < trainer.stepCount { _ = try trainer.step() }
      return trainer.head
    }
    let first = try trained()
    let second = try trained()
    #expect(first.weight == second.weight && first.bias == second.bias)
  }

  @Test func refusesAHeadThatDoesNotFit() throws {
    let groups = try exampleGroups()
    var generator = SeededGenerator(seed: 4)
    let bags = BalancedGroupSoftmaxLoss(groups: groups)
    let softmax = SoftmaxObjective(classCount: groups.classCount)
    let source = exampleRoIs(classCount: groups.classCount)
    let wide = LinearHead(inputs: 7, layout: bags.layout, groups: groups, method: "bags", using: &generator)
    #expect(throws: LinearHeadError.self) {
      try HeadTrainer(head: wide, objective: bags, source: source, settings: TrainingSettings())
    }
    let other = LinearHead(inputs: 6, layout: softmax.layout, groups: groups, method: "softmax", using: &generator)
    #expect(throws: LinearHeadError.self) {
      try HeadTrainer(head: other, objective: bags, source: source, settings: TrainingSettings())
    }
  }
}

/// Training written down as the paper states it (Li et al., CVPR 2020): every RoI, every logit, double precision, one
/// loop after another.
private struct PlainTrainer {
  var weight: Matrix<Double>
  var bias: [Double]
  private var weightVelocity: Matrix<Double>
  private var biasVelocity: [Double]
  private var objective: BalancedGroupSoftmaxLoss
  private let source: RoIArrays
  private let settings: TrainingSettings
  private var stepsTaken = 0

  init(head: LinearHead, objective: BalancedGroupSoftmaxLoss, source: RoIArrays, settings: TrainingSettings) {
    weight = Matrix(rows: head.weight.rows, columns: head.inputs, values: head.weight.storage.map { Double($0) })
    bias = head.bias.map { Double($0) }
    weightVelocity = Matrix(rows: weight.rows, columns: weight.columns)
    biasVelocity = bias.map { _ in 0 }
    self.objective = objective
    self.source = source
    self.settings = settings
  }

  mutating func step() -> (losses: [Double], norm: Double) {
    let stepsPerEpoch = (source.imageCount + settings.imagesPerBatch - 1) / settings.imagesPerBatch
    let epoch = stepsTaken / stepsPerEpoch
    var order = SeededGenerator(seed: settings.seed).derived(for: 1).derived(for: UInt64(epoch) + 1)
    let images = Array(0..<source.imageCount).shuffled(using: &order)
    let first = stepsTaken % stepsPerEpoch * settings.imagesPerBatch
    let rows = images[first..<min(first + settings.imagesPerBatch, images.count)].flatMap { source.rows(ofImage: $0) }
    let labels = rows.map { source.classIndex(ofRow: $0) }

    // The draw is the trainer's, so that both look at the same others.
    var draw = SeededGenerator(seed: settings.seed).derived(for: 2).derived(for: UInt64(stepsTaken) + 1)
    let blocks = objective.blocks(labels: labels, using: &draw)
    let kept = objective.groupedLayout.slices.map { slice in
      blocks.first { $0.logits == slice }.map { $0.rows ?? (0..<Int32(labels.count)).map { $0 } } ?? []
    }

    var z = Matrix<Double>(rows: rows.count, columns: weight.rows)
    for (n, row) in rows.enumerated() {
      for k in 0..<weight.rows {
        z[n, k] = (0..<weight.columns).reduce(bias[k]) { $0 + feature(row, $1) * weight[k, $1] }
      }
    }
    let losses = objective.losses(logits: &z, labels: labels, keptRows: kept)

    var weightGradient = Matrix<Double>(rows: weight.rows, columns: weight.columns)
    var biasGradient = bias.map { _ in 0.0 }
    for (n, row) in rows.enumerated() {
      for k in 0..<weight.rows {
        biasGradient[k] += z[n, k]
        for d in 0..<weight.columns { weightGradient[k, d] += z[n, k] * feature(row, d) }
      }
    }
    let norm = (weightGradient.storage + biasGradient).reduce(0) { $0 + $1 * $1 }.squareRoot()
    let clip = min(1, (settings.gradientClip ?? .infinity) / (norm + 1e-6))
    let rate = plainRate(epoch: epoch, stepsPerEpoch: stepsPerEpoch)
    for k in 0..<weight.rows {
      for d in 0..<weight.columns {
        weightVelocity[k, d] =
          settings.momentum * weightVelocity[k, d] + clip * weightGradient[k, d] + settings.weightDecay * weight[k, d]
        weight[k, d] -= rate * weightVelocity[k, d]
      }
      biasVelocity[k] = settings.momentum * biasVelocity[k] + clip * biasGradient[k] + settings.weightDecay * bias[k]
      bias[k] -= rate * biasVelocity[k]
    }
    stepsTaken += 1
    return (losses, norm)
  }

  private func feature(_ row: Int, _ d: Int) -> Double { Double(source.features[row * source.featureCount + d]) }

  private func plainRate(epoch: Int, stepsPerEpoch: Int) -> Double {
    var rate = settings.learningRate
    for milestone in settings.milestones where epoch >= milestone { rate /= 10 }
    let warmup = min(settings.warmupSteps, stepsPerEpoch)
    if stepsTaken < warmup { rate *= 1.0 / 3 + 2.0 / 3 * Double(stepsTaken) / Double(warmup) }
    return rate
  }
}
