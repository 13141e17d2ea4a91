import DenseLinearAlgebra
import DetectionHeads
import DurableFiles
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

/// What a program reads from an error: its type and code. The text is for people, and `localizedDescription` gives it.
@Suite struct ErrorCodeTests {
  @Test func aProgramTellsFaultsApartByType() throws {
    let groups = try exampleGroups()
    do {
      _ = try HiddenLayer(weight: Matrix(rows: 3, columns: 2), bias: [0])
      Issue.record("a layer whose parts do not fit was taken")
    } catch let error as LinearHeadError where error.code == .wrongShape {
      #expect(error.path == nil && error.description == "a hidden layer of 3 outputs has 1 biases")
    }
    try expect(LinearHeadError.Code.unnamedClasses) { try read(rows: 9) }
    try expect(LinearHeadError.Code.wrongClasses) { try read(rows: 8, groups: groups) }
    try expect(LinearHeadError.Code.wrongShape) { try read(rows: 9, biases: 8, groups: groups) }
    try expect(LinearHeadError.Code.notFinite) { try read(rows: 9, value: .nan, groups: groups) }
    try expect(LinearHeadError.Code.unknownName) { try read(rows: 9, layout: "cubic", groups: groups) }
    try expect(LinearHeadError.Code.badValue) { try read(rows: 9, layout: "cosine", groups: groups) }
    try expect(TensorFileError.Code.missingTensor) { try read(rows: 9, name: "fc", groups: groups) }
    try expect(ENOENT) { try LinearHead(contentsOf: "nowhere.safetensors") }
  }

  @Test func trainingSaysWhyItCannotBeginOrGoOn() throws {
    try expect(LinearHeadError.Code.wrongShape) { try trainer(inputs: 7) }
    try expect(LinearHeadError.Code.badSetting) { try trainer { $0.epochs = 0 } }
    try expect(FeatureSetError.Code.label) { try trainer(labelledClasses: 100) }
    try expect(TrainingError.Code.diverged) { try trainer { $0.learningRate = 1e30 }.run() }
    var hooks = TrainingHooks()
    hooks.isInterrupted = { true }
    try expect(TrainingError.Code.interrupted) { try trainer().run(hooks) }
    try expect(TrainingError.Code.foreignCheckpoint) {
      var objective = SoftmaxObjective(classCount: 8)
      try objective.restore(savedState: ["x": [1]])
    }
  }

  @Test func recipesAndMethodsSayWhatIsWrongWithThem() throws {
    let softmax = MethodChoice(name: "softmax")
    try expect(MethodParameterError.Code.unknownName) { try TrainingRecipe(MethodChoice(name: "sofmax")).validate() }
    try expect(MethodParameterError.Code.badValue) { try MethodParameters(["gamma": "x"], of: TrainingMethod.focal) }
    try expect(MethodParameterError.Code.conflict) {
      try MethodParameters(["g0": "none", "others": "no"], of: TrainingMethod.bags)
    }
    try expect(MethodParameterError.Code.nameTaken) { try TrainingMethod.registry.register(.bags) }
    try expect(TrainingRecipeError.Code.badSetting) {
      var settings = TrainingSettings()
      settings.weightDecay = -1
      try TrainingRecipe(softmax, settings: settings).validate()
    }
    try expect(TrainingRecipeError.Code.conflict) {
      try TrainingRecipe(MethodChoice(name: "acsl"), mining: MethodChoice(name: "ohem")).validate()
    }
    try expect(TrainingRecipeError.Code.missingInput) {
      let (source, groups) = (exampleRoIs(classCount: 8), try exampleGroups())
      _ = try TrainingRecipe(MethodChoice(name: "disalign")).trainer(
        on: source, groups: groups, imageCount: source.imageCount)
    }
  }

  /// Checks that an error with this code is thrown, and that its description is what Foundation shows.
  private func expect<Code: Equatable, Result>(
    _ code: Code, _ body: () throws -> Result, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) { _ = try body() }
    let coded = try #require(error as? any CodedError, sourceLocation: sourceLocation)
    #expect(coded.code as? Code == code, "\(coded)", sourceLocation: sourceLocation)
    #expect(coded.localizedDescription == coded.description, sourceLocation: sourceLocation)
  }

  /// Reads a head file of two features a row.
  private func read(
    rows: Int, biases: Int? = nil, value: Float = 1, layout: String? = nil, name: String = "fc_cls",
    groups: CategoryGroups? = nil
  ) throws -> LinearHead {
    try withTemporaryFolder { folder in
      let path = "\(folder)/head.safetensors"
      let biases = biases ?? rows
      try writeSafetensors(
        [
          NamedTensor("\(name).weight", floats: [Float](repeating: value, count: rows * 2), shape: [rows, 2]),
          NamedTensor("\(name).bias", floats: [Float](repeating: 0, count: biases), shape: [biases]),
        ], metadata: layout.map { ["layout": $0] } ?? [:], to: path)
      do {
        return try LinearHead(contentsOf: path, groups: groups)
      } catch let error as LinearHeadError {
        #expect(error.path == path && error.description == "\(path): \(error.detail)")
        throw error
      }
    }
  }

  /// A trainer of a softmax head on RoIs of 6 features and 8 classes.
  private func trainer(
    inputs: Int = 6, labelledClasses: Int = 8, _ change: (inout TrainingSettings) -> Void = { _ in }
  ) throws -> HeadTrainer {
    let groups = try exampleGroups()
    let objective = SoftmaxObjective(classCount: groups.classCount)
    var generator = SeededGenerator(seed: 0)
    let head = LinearHead(
      inputs: inputs, layout: objective.layout, groups: groups, method: "softmax", using: &generator)
    var settings = TrainingSettings()
    settings.gradientClip = nil
    change(&settings)
    return try HeadTrainer(
      head: head, objective: objective, source: exampleRoIs(classCount: labelledClasses), settings: settings)
  }
}
