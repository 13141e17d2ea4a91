import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

@Suite struct HiddenLayerTests {
  private let groups: CategoryGroups
  private let source: RoIArrays

  init() throws {
    groups = try exampleGroups()
    source = exampleRoIs(classCount: groups.classCount)
  }

  /// Two hidden layers and softmax, beside every sum written out in double precision.
  @Test(arguments: [1, 2]) func equalsThePlainBackwardPassAfterFortySteps(threads: Int) throws {
    var settings = TrainingSettings()
    settings.epochs = 8
    settings.imagesPerBatch = 4
    settings.learningRate = 0.1
    settings.gradientClip = 1
    settings.weightDecay = 0.01
    settings.warmupSteps = 0
    settings.milestones = []
    settings.threads = threads
    let objective = SoftmaxObjective(classCount: groups.classCount)
    var generator = SeededGenerator(seed: 3)
    let head = LinearHead(
      inputs: source.featureCount, hiddenOutputs: [7, 5], layout: objective.layout, groups: groups, method: "softmax",
      deviation: 0.3, using: &generator)
    let trainer = try HeadTrainer(head: head, objective: objective, source: source, settings: settings)
    var plain = PlainNetwork(head)
    var clipped = 0
    for step in 0..<40 {
      let batch = batchRows(ofStep: step, settings: settings)
      let expected = plain.step(source, rows: batch, settings: settings)
      let found = try trainer.step()
      #expect(abs(found.loss - expected.loss) < 1e-4)
      #expect(abs(found.gradientNorm - expected.norm) < 1e-4 * max(1, expected.norm))
      if expected.norm > 1 { clipped += 1 }
    }
    #expect(clipped > 0 && clipped < 40)
    for (layer, expected) in zip(trainer.head.hidden, plain.layers) {
      #expect(largestDifference(layer.weight.storage, expected.weight.storage) < 1e-4)
      #expect(largestDifference(layer.bias, expected.bias) < 1e-4)
    }
    #expect(largestDifference(trainer.head.weight.storage, plain.layers[2].weight.storage) < 1e-4)
    #expect(trainer.head.hidden[0].weight != head.hidden[0].weight)
  }

  @Test func groupsReachTheLayersBelow() throws {
    var settings = TrainingSettings()
    settings.epochs = 30
    settings.learningRate = 0.05
    let objective = BalancedGroupSoftmaxLoss(groups: groups)
    var generator = SeededGenerator(seed: 3)
    let head = LinearHead(
      inputs: source.featureCount, hiddenOutputs: [16], layout: objective.layout, groups: groups, method: "bags",
      using: &generator)
    let trainer = try HeadTrainer(head: head, objective: objective, source: source, settings: settings)
    let before = try trainer.step().loss
    let after = try trainer.run()
    #expect(after < 0.8 * before)
    #expect(trainer.head.hidden[0].weight != head.hidden[0].weight)
  }

  @Test func headFilesKeepTheLayers() throws {
    var generator = SeededGenerator(seed: 3)
    let layout = SoftmaxLayout(classCount: groups.classCount)
    let head = LinearHead(
      inputs: 6, hiddenOutputs: [4, 3], layout: layout, groups: groups, method: "softmax", using: &generator)
    try withTemporaryFolder { folder in
      try head.write(to: folder + "/head.safetensors")
      let read = try LinearHead(contentsOf: folder + "/head.safetensors")
      #expect(read.hidden == head.hidden && read.weight == head.weight && read.inputs == 6)
      let features = Matrix<Float>(rows: 2, columns: 6, values: (0..<12).map { Float($0) / 7 - 0.8 })
      #expect(read.scores(for: features) == head.scores(for: features))
    }
  }

  @Test func aCheckpointRestoresTheLayers() throws {
    var settings = TrainingSettings()
    settings.epochs = 2
    let objective = BalancedGroupSoftmaxLoss(groups: groups)
    func trainer() throws -> HeadTrainer {
      var generator = SeededGenerator(seed: 3)
      return try HeadTrainer(
        head: LinearHead(
          inputs: source.featureCount, hiddenOutputs: [8, 8], layout: objective.layout, groups: groups, method: "bags",
          using: &generator),
        objective: objective, source: source, settings: settings)
    }
    let (whole, first, second) = (try trainer(), try trainer(), try trainer())
    try whole.run()
    _ = try first.step()
    try withTemporaryFolder { folder in
      try first.checkpoint().write(to: folder + "/checkpoint.safetensors")
      try second.restore(TrainingCheckpoint.read(from: folder + "/checkpoint.safetensors").checkpoint)
    }
    try second.run()
    #expect(second.head.hidden == whole.head.hidden && second.head.weight == whole.head.weight)
  }

  @Test func refusesWhatCannotReachTheLayers() throws {
    var architecture = HeadArchitecture()
    architecture.hidden = [4]
    let data = MethodData(groups: groups, imageCount: 20)
    for (name, isPossible) in [("bags", true), ("focal", true), ("ldam", false), ("disalign", false)] {
      let method = try #require(TrainingMethod.named(name))
      let objective = method.objective(data, try MethodParameters([:], of: method))
      #expect((architecture.fault(with: objective, setStages: 1, inputs: 6) == nil) == isPossible)
    }
  }

  @Test func refusesStagesWithLayersAndLayersBeyondMemory() throws {
    var generator = SeededGenerator(seed: 3)
    let layout = SoftmaxLayout(classCount: groups.classCount)
    let head = LinearHead(
      inputs: 6, hiddenOutputs: [4], layout: layout, groups: groups, method: "softmax", using: &generator)
    #expect(throws: LinearHeadError.self) {
      try LinearHead(
        weight: Matrix(rows: 2 * layout.logitCount, columns: 4), bias: head.bias + head.bias, hidden: head.hidden,
        layout: StagedLayout(layout, stageCount: 2), groups: groups, method: "softmax")
    }
    var architecture = HeadArchitecture()
    architecture.hidden = [1 << 20, 1 << 20]
    let fault = architecture.fault(
      with: SoftmaxObjective(classCount: groups.classCount), setStages: 1, inputs: 6)
    #expect(fault?.contains("2^30 weights") == true)
  }

  private func batchRows(ofStep step: Int, settings: TrainingSettings) -> [Int] {
    let stepsPerEpoch = (source.imageCount + settings.imagesPerBatch - 1) / settings.imagesPerBatch
    var order = SeededGenerator(seed: settings.seed).derived(for: 1).derived(for: UInt64(step / stepsPerEpoch) + 1)
    let images = Array(0..<source.imageCount).shuffled(using: &order)
    let first = step % stepsPerEpoch * settings.imagesPerBatch
    return images[first..<min(first + settings.imagesPerBatch, images.count)].flatMap { source.rows(ofImage: $0) }
  }
}

/// A perceptron with ReLU and softmax cross-entropy, trained by SGD with momentum: one loop after another.
private struct PlainNetwork {
  struct Layer {
    var weight: Matrix<Double>
    var bias: [Double]
    var weightVelocity: Matrix<Double>
    var biasVelocity: [Double]

    init(weight: Matrix<Float>, bias: [Float]) {
      self.weight = Matrix(rows: weight.rows, columns: weight.columns, values: weight.storage.map { Double($0) })
      self.bias = bias.map { Double($0) }
      weightVelocity = Matrix(rows: weight.rows, columns: weight.columns)
      biasVelocity = bias.map { _ in 0 }
    }
  }
  var layers: [Layer]

  init(_ head: LinearHead) {
    layers = head.hidden.map { Layer(weight: $0.weight, bias: $0.bias) } + [Layer(weight: head.weight, bias: head.bias)]
  }

  mutating func step(_ source: RoIArrays, rows: [Int], settings: TrainingSettings) -> (loss: Double, norm: Double) {
    var weightGradients = layers.map { Matrix<Double>(rows: $0.weight.rows, columns: $0.weight.columns) }
    var biasGradients = layers.map { $0.bias.map { _ in 0.0 } }
    var loss = 0.0
    for row in rows {
      var inputs = [(0..<source.featureCount).map { Double(source.features[row * source.featureCount + $0]) }]
      for (depth, layer) in layers.enumerated() {
        let output = (0..<layer.weight.rows).map { k in
          inputs[depth].indices.reduce(layer.bias[k]) { $0 + layer.weight[k, $1] * inputs[depth][$1] }
        }
        inputs.append(depth < layers.count - 1 ? output.map { max(0, $0) } : output)
      }
      let logits = inputs.removeLast()
      let target = Int(source.labels[row]) + 1
      let sum = logits.reduce(0) { $0 + exp($1) }
      loss += (log(sum) - logits[target]) / Double(rows.count)
      var gradient = logits.indices.map { (exp(logits[$0]) / sum - ($0 == target ? 1 : 0)) / Double(rows.count) }
      for depth in layers.indices.reversed() {
        for k in gradient.indices {
          biasGradients[depth][k] += gradient[k]
          for d in inputs[depth].indices { weightGradients[depth][k, d] += gradient[k] * inputs[depth][d] }
        }
        gradient = inputs[depth].indices.map { d in
          depth > 0 && inputs[depth][d] > 0
            ? gradient.indices.reduce(0) { $0 + gradient[$1] * layers[depth].weight[$1, d] } : 0
        }
      }
    }
    let all = weightGradients.flatMap(\.storage) + biasGradients.flatMap { $0 }
    let norm = all.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let clip = min(1, (settings.gradientClip ?? .infinity) / (norm + 1e-6))
    for depth in layers.indices {
      for k in layers[depth].bias.indices {
        for d in 0..<layers[depth].weight.columns {
          layers[depth].weightVelocity[k, d] =
            settings.momentum * layers[depth].weightVelocity[k, d] + clip * weightGradients[depth][k, d]
            + settings.weightDecay * layers[depth].weight[k, d]
          layers[depth].weight[k, d] -= settings.learningRate * layers[depth].weightVelocity[k, d]
        }
        layers[depth].biasVelocity[k] =
          settings.momentum * layers[depth].biasVelocity[k] + clip * biasGradients[depth][k]
          + settings.weightDecay * layers[depth].bias[k]
        layers[depth].bias[k] -= settings.learningRate * layers[depth].biasVelocity[k]
      }
    }
    return (loss, norm)
  }
}
