import DurableFiles
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

@Suite struct ClassWeightTableTests {
  private static func groups() throws -> CategoryGroups {
    try CategoryGroups(
      counts: [(3, "pear"), (7, "salt, coarse"), (9, "fig"), (12, "fig")].map {
        CategoryCount(id: $0, name: $1, instances: 1, images: 1)
      })
  }

  private func read(_ text: String) throws -> ClassWeightTable {
    try withTemporaryFolder { folder in
      try DurableFile.write(text, to: "\(folder)/weights")
      return try ClassWeightTable(contentsOf: "\(folder)/weights", groups: Self.groups())
    }
  }

  @Test func readsCSVAndJSON() throws {
    let expected = ClassWeightTable(background: 0.5, byCategory: [3: 2, 7: 1.5, 12: 0])
    #expect(
      try read("class,weight\n\n# rare ones\npear, 2\n\"salt, coarse\",1.5\r\n12,0\n background , .5\n") == expected)
    #expect(try read("\u{FEFF}7,1.5\n3,2\n12,0\nbackground,0.5") == expected)
    #expect(try read(#" {"pear": 2, "7": 1.5, "12": 0, "background": 5e-1}"#) == expected)
    #expect(try read("9,3") == ClassWeightTable(background: 1, byCategory: [9: 3]))
  }

  @Test(arguments: [
    ("class,weight\npear,2\nplum,3\n", "weights:3: 'plum' is neither background nor the id or the name"),
    ("pear,2\nfig,3\n", "weights:2: 2 categories are called 'fig'; write the id"),
    ("pear,2\n3,1\n", "weights:2: '3' stands twice"),
    ("pear,2\n7,many\n", "weights:2: the weight 'many' is no number"),
    ("pear,2\n\n7,-1\n", "weights:3: the weight must be from 0 to 1e6, not -1.0"),
    ("pear,nan\n", "weights:1: the weight must be from 0"),
    ("pear 2\n", "weights:1: 'pear 2' is no class and weight with a comma"),
    ("class,weight\n", "weights: holds no class weights"),
    ("", "weights: holds no class weights"),
    (#"{"pear": 2, "plum": 1}"#, "weights: plum: 'plum' is neither"),
    (#"{"pear": "2"}"#, "weights: pear is not of type"),
    (#"{"pear": 2,,}"#, "weights: is not valid JSON"),
  ]) func saysWhereItIsWrong(text: String, message: String) throws {
    let error = try #require(throws: TrainingRecipeError.self) { try read(text) }
    #expect(error.description.contains(message), "\(error)")
  }

  /// Weights of 1 change nothing; a class of weight 0 is not learnt.
  @Test(arguments: TrainingMethod.all.filter(\.takesClassWeights).map(\.name)) func decideTheTraining(name: String)
    throws
  {
    let groups = try CategoryGroups(instances: [3, 3])
    let source = RoIArrays(
      features: [1, 0, 0, 0, 1, 0, 0, 0, 1], featureCount: 3, labels: [0, 1, -1], roisPerImage: [3])
    func losses(_ weights: ClassWeightTable?) throws -> (loss: Double, bias: [Float]) {
      var recipe = TrainingRecipe(MethodChoice(name: name), classWeights: weights)
      recipe.settings.epochs = 2
      let trainer = try recipe.trainer(on: source, groups: groups, imageCount: 1)
      return (try trainer.run(), trainer.head.bias)
    }
    let plain = try losses(nil)
    let same = try losses(ClassWeightTable(byCategory: [1: 1, 2: 1]))
    #expect(same == plain)
    let without = try losses(ClassWeightTable(byCategory: [2: 0]))
    #expect(without.loss < plain.loss)
    let last = without.bias.count - 1
    #expect(without.bias[last] < plain.bias[last])
    let quiet = try losses(ClassWeightTable(background: 0, byCategory: [1: 1]))
    #expect(quiet.loss < plain.loss)
  }
}
