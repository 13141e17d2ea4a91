import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// A box regressor trained beside the classifier.
@Suite struct BoxRegressionTrainerTests {
  /// One plain step moves the weights by −η times the derivative of the loss, which is here taken by differences.
  @Test(arguments: BoxRegressor.Classes.allCases) func aStepFollowsTheGradient(classes: BoxRegressor.Classes) throws {
    let source = try exampleSource()
    var settings = Self.settings(epochs: 1)
    settings.imagesPerBatch = 10
    settings.momentum = 0
    settings.weightDecay = 0
    settings.gradientClip = nil
    settings.warmupSteps = 0
    settings.learningRate = 0.5
    let trainer = try trainer(
      on: source, settings: settings, loss: SmoothL1(beta: 0.7), classes: classes, lossWeight: 0.25)
    let before = try #require(trainer.boxRegressor)
    let step = try trainer.step()
    let after = try #require(trainer.boxRegressor)
    let weight = before.weight.storage.map { Double($0) }
    let bias = before.bias.map { Double($0) }
    #expect(abs(0.25 * plainLoss(weight, bias, classes, source) - (step.losses.last ?? 0)) < 1e-5)
    let gradient =
      zip(weight, after.weight.storage).map { ($0 - Double($1)) / 0.5 }
      + zip(bias, after.bias).map { ($0 - Double($1)) / 0.5 }
    let error = gradientError(gradient, at: weight + bias) { values in
      0.25 * plainLoss(Array(values.prefix(weight.count)), Array(values.suffix(bias.count)), classes, source)
    }
    #expect(error < 1e-4)
  }

  /// Smooth L1 with β .7 of all foreground RoIs, divided by all RoIs, in double precision.
  private func plainLoss(
    _ weight: [Double], _ bias: [Double], _ classes: BoxRegressor.Classes, _ source: RoIArrays
  ) -> Double {
    let boxes = source.columns[.boxes] ?? []
    let objects = source.columns[.groundTruthBoxes] ?? []
    func box(_ values: [Float], _ row: Int) -> CornerBox {
      CornerBox(values[4 * row], values[4 * row + 1], values[4 * row + 2], values[4 * row + 3])
    }
    let coder = BoxCoder(standardDeviations: BoxCoder.regressorDeviations)
    var sum = 0.0
    for row in source.labels.indices where source.labels[row] >= 0 {
      guard let target = coder.encode(box(objects, row), from: box(boxes, row)) else { continue }
      let first = classes == .agnostic ? 0 : 4 * Int(source.labels[row])
      for number in 0..<4 {
        let prediction = (0..<3).reduce(bias[first + number]) {
          $0 + weight[(first + number) * 3 + $1] * Double(source.features[row * 3 + $1])
        }
        let distance = abs(prediction - Double(target[number]))
        sum += distance < 0.7 ? distance * distance / 1.4 : distance - 0.35
      }
    }
    return sum / Double(source.labels.count)
  }

  /// The two share no weight: neither changes what the other becomes.
  @Test func theClassifierIsTheSameWithAndWithout() throws {
    let source = try exampleSource()
    let with = try trainer(
      on: source, settings: Self.settings(), loss: GradientHarmonizedRegression(), classes: .agnostic)
    let without = try trainer(on: source, settings: Self.settings(), loss: nil, classes: .agnostic)
    try with.run()
    try without.run()
    #expect(with.head.weight == without.head.weight && with.head.bias == without.head.bias)
    #expect(with.componentNames == without.componentNames + ["box"])
    #expect(without.boxRegressor == nil)
  }

  @Test(arguments: BoxRegressor.Classes.allCases) func goesOnFromACheckpoint(classes: BoxRegressor.Classes) throws {
    let source = try exampleSource()
    func make() throws -> HeadTrainer {
      try trainer(
        on: source, settings: Self.settings(), loss: GradientHarmonizedRegression(), classes: classes,
        selector: StratifiedHardExamples(countPerImage: 4))
    }
    let whole = try make()
    try whole.run()
    let first = try make()
    for _ in 0..<5 { _ = try first.step() }
    let second = try make()
    try withTemporaryFolder { folder in
      try first.checkpoint().write(to: "\(folder)/c.safetensors")
      try second.restore(try TrainingCheckpoint.read(from: "\(folder)/c.safetensors").checkpoint)
    }
    try second.run()
    #expect(second.boxRegressor == whole.boxRegressor)
    #expect(second.head.weight == whole.head.weight)
    // The checkpoint of a training without one is refused.
    let plain = try trainer(on: source, settings: Self.settings(), loss: nil, classes: classes)
    _ = try plain.step()
    #expect(throws: TrainingError.self) { try make().restore(plain.checkpoint()) }
    #expect(throws: TrainingError.self) { try plain.restore(first.checkpoint()) }
  }

  /// The features tell how far off the boxes are: after training the predictions lie on the objects.
  @Test(arguments: BoxRegressor.Classes.allCases) func learnsWhereObjectsAre(classes: BoxRegressor.Classes) throws {
    let source = try exampleSource()
    var settings = Self.settings(epochs: 300)
    settings.learningRate = 0.1
    settings.milestones = [250]
    for loss in [SmoothL1(beta: 1), GradientHarmonizedRegression()] as [any BoxLoss] {
      let trainer = try trainer(on: source, settings: settings, loss: loss, classes: classes)
      let first = try trainer.step().losses.last ?? 0
      try trainer.run()
      let regressor = try #require(trainer.boxRegressor)
      let weight = regressor.weight.storage.map { Double($0) }
      let last = plainLoss(weight, regressor.bias.map { Double($0) }, classes, source)
      #expect(last < 0.1, "\(first) to \(last)")
      #expect(plainLoss(weight.map { _ in 0 }, regressor.bias.map { _ in 0 }, classes, source) > 0.9)
    }
  }

  @Test func refusesRoIsWithoutGroundTruth() throws {
    let bare = RoIArrays(features: [1, 2, 3], featureCount: 3, labels: [0], roisPerImage: [1])
    #expect(throws: LinearHeadError.self) {
      try trainer(on: bare, settings: Self.settings(), loss: SmoothL1(), classes: .agnostic)
    }
    var source = try exampleSource()
    source.columns[.boxDeltas] = nil
    // Box losses come from the regressor trained beside.
    _ = try trainer(
      on: source, settings: Self.settings(), loss: SmoothL1(), classes: .agnostic, selector: StratifiedHardExamples())
  }

  private static func settings(epochs: Int = 3) -> TrainingSettings {
    var settings = TrainingSettings()
    settings.epochs = epochs
    settings.imagesPerBatch = 3
    settings.threads = 2
    return settings
  }

  private func trainer(
    on source: RoIArrays, settings: TrainingSettings, loss: (any BoxLoss)?, classes: BoxRegressor.Classes,
    selector: (any RoISelector)? = nil, lossWeight: Double = 1
  ) throws -> HeadTrainer {
    let groups = try CategoryGroups(instances: [9, 9])
    let objective = SoftmaxObjective(classCount: 2)
    var generator = SeededGenerator(seed: 3)
    let head = LinearHead(inputs: 3, layout: objective.layout, groups: groups, method: "softmax", using: &generator)
    let start = try BoxRegressor.fresh(inputs: 3, classes: classes, classCount: 2, using: &generator)
    return try HeadTrainer(
      head: head, objective: objective, source: source, settings: settings, selector: selector,
      boxRegression: loss.map { BoxRegression(start: start, loss: $0, lossWeight: lossWeight) })
  }

  /// 10 images of 6 RoIs; the first two features are the shift of the object in tenths of the RoI's size.
  private func exampleSource() throws -> RoIArrays {
    var generator = SeededGenerator(seed: 2)
    var source = RoIArrays(
      features: (0..<60).flatMap { _ in
        [Float.random(in: -2...2, using: &generator), Float.random(in: -2...2, using: &generator), 1]
      }, featureCount: 3, labels: (0..<60).map { $0 % 3 == 2 ? -1 : Int32($0 % 3) },
      roisPerImage: Array(repeating: 6, count: 10))
    source.columns[.boxes] = (0..<60).flatMap { _ in [20, 20, 60, 40] as [Float] }
    source.columns[.groundTruthBoxes] = (0..<60).flatMap { row -> [Float] in
      let (x, y) = (4 * source.features[3 * row], 2 * source.features[3 * row + 1])
      return [20 + x, 20 + y, 60 + x, 40 + y]
    }
    source.columns[.boxDeltas] = Array(repeating: 0, count: 240)
    return source
  }
}
