import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

@Suite struct StagedTrainingTests {
  private let groups: CategoryGroups

  init() throws { groups = try exampleGroups() }

  /// Without momentum, decay and clipping a loss of weight λ is a rate of λη.
  @Test func stagesAreTrainedAsIfAlone() throws {
    let source = exampleRoIs(classCount: groups.classCount, featureCount: 12)
    var settings = plainSettings()
    let stage = SoftmaxObjective(classCount: groups.classCount)
    let objective = StagedObjective(stage, weights: [1, 0.5])
    var generator = SeededGenerator(seed: 5)
    let head = LinearHead(
      inputs: 12, layout: objective.layout, groups: groups, method: "softmax", deviation: 0.2, using: &generator)
    let trainer = try HeadTrainer(head: head, objective: objective, source: source, settings: settings)
    #expect(trainer.componentNames.first == "stage 1 \(stage.componentNames[0])")
    try trainer.run()
    for (index, weight) in [(0, 1.0), (1, 0.5)] {
      let columns = 6 * index..<6 * index + 6
      var features: [Float] = []
      for row in source.labels.indices {
        features += source.features[row * 12 + columns.lowerBound..<row * 12 + columns.upperBound]
      }
      let alone = RoIArrays(
        features: features, featureCount: 6, labels: source.labels,
        roisPerImage: (0..<source.imageCount).map { source.rows(ofImage: $0).count })
      settings.learningRate = 0.2 * weight
      let part = try #require(head.stage(index))
      let own = try HeadTrainer(head: part, objective: stage, source: alone, settings: settings)
      try own.run()
      let trained = try #require(trainer.head.stage(index))
      #expect(largestDifference(trained.weight.storage, own.head.weight.storage.map { Double($0) }) < 1e-5)
      #expect(largestDifference(trained.bias, own.head.bias.map { Double($0) }) < 1e-5)
      #expect(trained.weight != part.weight)
    }
  }

  @Test func scoresAreThoseOfTheMeanLogits() throws {
    let layout = GroupedLayout(groups: groups)
    var generator = SeededGenerator(seed: 5)
    let head = LinearHead(
      inputs: 12, layout: StagedLayout(layout, stageCount: 3), groups: groups, method: "bags", deviation: 1,
      using: &generator)
    let features = Matrix<Float>(
      rows: 5, columns: 12, values: (0..<60).map { _ in Float(standardNormal(using: &generator)) })
    var mean = [Float](repeating: 0, count: 5 * layout.logitCount)
    for index in 0..<3 {
      let stage = try #require(head.stage(index))
      let own = (0..<5).flatMap { row in features.row(row)[4 * index..<4 * index + 4] }
      var logits = mean
      stage.logits(features: own, count: 5, into: &logits)
      for place in mean.indices { mean[place] += logits[place] / 3 }
    }
    var expected = [Float](repeating: 0, count: 5 * groups.classCount)
    layout.scores(logits: &mean, count: 5, into: &expected)
    #expect(largestDifference(head.scores(for: features).storage, expected.map { Double($0) }) < 1e-6)
  }

  @Test func headFilesKeepTheStages() throws {
    var generator = SeededGenerator(seed: 5)
    let layout = StagedLayout(GroupedLayout(groups: groups), stageCount: 2)
    let head = LinearHead(inputs: 8, layout: layout, groups: groups, method: "bags", using: &generator)
    try withTemporaryFolder { folder in
      try head.write(to: folder + "/head.safetensors")
      let file = try SafetensorsFile(at: folder + "/head.safetensors")
      #expect(file.names.sorted() == ["fc_cls.0.bias", "fc_cls.0.weight", "fc_cls.1.bias", "fc_cls.1.weight"])
      let read = try LinearHead(contentsOf: folder + "/head.safetensors")
      #expect(read.weight == head.weight && read.layout.stageCount == 2 && read.inputs == 8)
      #expect(read.classWeightNorms.count == groups.classCount)
    }
  }

  @Test func aHeadOfOneStageStartsAll() throws {
    var generator = SeededGenerator(seed: 5)
    let softmax = LinearHead(
      inputs: 4, layout: SoftmaxLayout(classCount: groups.classCount), groups: groups, method: "softmax",
      deviation: 1, using: &generator)
    let layout = StagedLayout(GroupedLayout(groups: groups), stageCount: 2)
    var head = LinearHead(inputs: 8, layout: layout, groups: groups, method: "bags", using: &generator)
    try head.copyClasses(from: softmax)
    #expect(head.stage(0)?.classWeightNorms == softmax.classWeightNorms)
    #expect(head.stage(1)?.classWeightNorms == softmax.classWeightNorms)
  }

  @Test func readsFeaturesAndLabelsOfStages() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/set.safetensors"
      let labels: [Int64] = [1, -1, 4, 4, -1, 7]
      try writeSafetensors(
        [
          NamedTensor("features", floats: (0..<12).map { Float($0) }, shape: [3, 2, 2]),
          NamedTensor("boxes", floats: [0, 0, 9, 9, 0, 0, 9, 9, 0, 0, 9, 9], shape: [3, 4]),
          NamedTensor(
            "image_ids", bytes: [Int64(1), 1, 2].withUnsafeBytes(Array.init), elementType: .int64, shape: [3]),
          NamedTensor("labels", bytes: labels.withUnsafeBytes(Array.init), elementType: .int64, shape: [3, 2]),
        ], metadata: [:], to: path)
      let set = try FeatureSet(at: path)
      #expect(set.stageCount == 2 && set.featureCount == 4)
      let source = try LabelledFeatureSet(
        set, labels: try #require(try set.labels(categoryIDs: groups.members.map(\.id))))
      #expect((0..<3).map { source.classIndex(ofRow: $0, stage: 0) } == [0, 1, -1])
      #expect((0..<3).map { source.classIndex(ofRow: $0, stage: 1) } == [-1, 1, 2])
    }
  }

  private func plainSettings() -> TrainingSettings {
    var settings = TrainingSettings()
    settings.epochs = 3
    settings.learningRate = 0.2
    settings.momentum = 0
    settings.weightDecay = 0
    settings.gradientClip = nil
    settings.warmupSteps = 0
    return settings
  }
}
