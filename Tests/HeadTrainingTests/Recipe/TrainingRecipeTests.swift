import DetectionHeads
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

@Suite struct TrainingRecipeTests {
  private static let boxes = BoxChoice(loss: MethodChoice(name: "smooth-l1"), classes: .agnostic, convention: .standard)

  @Test(arguments: TrainingMethod.all.map(\.name)) func everyMethodIsARecipe(name: String) throws {
    try TrainingRecipe(MethodChoice(name: name)).validate()
  }

  struct Mistake: Sendable {
    let change: @Sendable (inout TrainingRecipe) -> Void
    let message: String

    init(_ change: @escaping @Sendable (inout TrainingRecipe) -> Void, _ message: String) {
      self.change = change
      self.message = message
    }
  }

  private static let mistakes: [Mistake] = [
    Mistake({ $0.method.name = "sofmax" }, "there is no method 'sofmax'"),
    Mistake({ $0.method.parameters = ["gamma": "1"] }, "gamma is no parameter of softmax"),
    Mistake({ $0.sampler = MethodChoice(name: "rfx") }, "did you mean rfs?"),
    Mistake(
      { $0.sampler = MethodChoice(name: "rfs", parameters: ["repeat-threshold": "0"]) }, "repeat-threshold must be"),
    Mistake({ $0.mining = MethodChoice(name: "ohme") }, "did you mean ohem?"),
    Mistake({ $0.settings.epochs = 0 }, "epochs must be from 1"),
    Mistake(
      {
        $0.method.name = "seesaw"
        $0.classWeights = ClassWeightTable(byCategory: [1: 2])
      }, "seesaw takes no class weights of the user's; softmax, balanced-softmax"),
    Mistake({ $0.classWeights = ClassWeightTable(byCategory: [3: -1]) }, "class weight of category 3 must be from 0"),
    Mistake({ $0.classWeights = ClassWeightTable(background: .nan, byCategory: [:]) }, "class weight of background"),
    Mistake({ $0.settings.gradientClip = .infinity }, "gradientClip must be a number of at least 0"),
    Mistake(
      {
        $0.method.name = "ghm"
        $0.mining = MethodChoice(name: "ohem")
      }, "ghm has none"),
    Mistake(
      {
        $0.architecture.stageWeights = [1, 1, 1]
        $0.mining = MethodChoice(name: "ohem")
      }, "with 3 stages it has one a stage"),
    Mistake(
      {
        $0.boxes = boxes
        $0.architecture.hidden = [8]
      }, "a box regressor is trained beside one linear layer"),
    Mistake(
      { $0.boxes = BoxChoice(loss: MethodChoice(name: "l7"), classes: .agnostic, convention: .standard) },
      "no box loss 'l7'"),
  ]

  @Test(arguments: mistakes) func saysWhatIsWrong(mistake: Mistake) {
    var recipe = TrainingRecipe(MethodChoice(name: "softmax"))
    mistake.change(&recipe)
    let error = #expect(throws: (any Error).self) { try recipe.validate() }
    #expect("\(error as Any)".contains(mistake.message), "\(error as Any)")
    #expect(!"\(error as Any)".contains("--"))
  }

  @Test func matchingAndWeightsComeBackFromJSON() throws {
    var recipe = TrainingRecipe(MethodChoice(name: "softmax"))
    let plain = try recipe.json()
    #expect(!plain.contains("matching") && !plain.contains("class_weights"))
    recipe.matching = .names
    recipe.classWeights = ClassWeightTable(background: 0.25, byCategory: [3: 2, 10: 0.5])
    #expect(try TrainingRecipe(json: Data(recipe.json().utf8)) == recipe)
  }

  @Test func classesThatAHeadLacksStartAfresh() throws {
    let source = RoIArrays(features: [1, 2, 3, 4], featureCount: 2, labels: [0, -1], roisPerImage: [2])
    func groups(_ names: [String]) throws -> CategoryGroups {
      try CategoryGroups(
        counts: names.enumerated().map { CategoryCount(id: $0 + 1, name: $1, instances: 1, images: 1) })
    }
    let known = try exampleHead(SoftmaxLayout(classCount: 2), inputs: 2, groups: groups(["fig", "pear"]))
    let trained = try groups(["nut", "pear", "fig"])
    var recipe = TrainingRecipe(MethodChoice(name: "softmax"))
    func head() throws -> LinearHead {
      try recipe.trainer(
        on: source, groups: trained, imageCount: 1, startingFrom: PrerequisiteHeads(initial: known)
      ).head
    }
    #expect(try recipe.newClasses(of: trained, startingFrom: known).map(\.name) == ["fig"])
    #expect(try head().weight.row(1) == known.weight.row(1) && head().weight.row(2) == known.weight.row(2))
    recipe.matching = .names
    #expect(try recipe.newClasses(of: trained, startingFrom: known).map(\.name) == ["nut"])
    #expect(try head().weight.row(3) == known.weight.row(1) && head().weight.row(2) == known.weight.row(2))
    // What only corrects a head has nothing to correct there.
    recipe.method = MethodChoice(name: "disalign")
    let error = #expect(throws: InitialHeadError.self) { try head() }
    #expect(error?.description.contains("lacks 'nut' (1)") == true, "\(error as Any)")
  }

  @Test func saysWhatDoesNotFitTheData() throws {
    let source = RoIArrays(features: [1, 2, 3, 4], featureCount: 2, labels: [0, -1], roisPerImage: [2])
    let groups = try CategoryGroups(counts: [CategoryCount(id: 1, name: "a", instances: 1, images: 1)])
    func fault(_ recipe: TrainingRecipe, _ heads: PrerequisiteHeads = PrerequisiteHeads()) -> String {
      let error = #expect(throws: (any Error).self) {
        try recipe.trainer(on: source, groups: groups, imageCount: 1, startingFrom: heads)
      }
      return "\(error as Any)"
    }
    #expect(fault(TrainingRecipe(MethodChoice(name: "disalign"))).contains("starts from a trained softmax head"))
    var staged = TrainingRecipe(MethodChoice(name: "bags"))
    staged.architecture.stageWeights = [1, 0.5]
    #expect(fault(staged).contains("bags: 2 stages need features of each"))
    #expect(
      fault(TrainingRecipe(MethodChoice(name: "softmax"), mining: MethodChoice(name: "offline"))).contains(
        "needs a head that was trained before"))
  }
}
