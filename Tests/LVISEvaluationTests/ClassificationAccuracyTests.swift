import DurableFiles
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// Top-1 accuracy of a small table, by hand.
@Suite struct ClassificationAccuracyTests {
  /// Classes 1, 4 and 6 with 500, 50 and 5 training instances; 3, 2 and 1 images.
  private static let labels = "image_id,category_id\n1,1\n2,1\n3,1\n4,4\r\n5,4\n6,6\n"
  /// Images 1, 2 and 4 are right; image 3 ties, of which the first counts; image 9 has no label.
  private static let scores = """
    image_id,1,4,6
    1,.9,.1,0
    2,.5,.2,.3
    3,.1,.4,.4
    4,0,1e-3,0
    5,.8,.1,.1
    6,.2,.4,.3
    9,1,0,0

    """

  private func accuracy(_ scores: String, _ labels: String = labels) throws -> ClassificationAccuracy {
    try withTemporaryFolder { folder in
      try DurableFile.write(scores, to: "\(folder)/scores")
      try DurableFile.write(labels, to: "\(folder)/labels")
      return try ClassificationAccuracy(
        ClassPredictions(contentsOf: "\(folder)/scores"), labels: ClassLabels(contentsOf: "\(folder)/labels"),
        groups: CategoryGroups(instances: [500, 50, 5], ids: [1, 4, 6]))
    }
  }

  @Test func byShotsAndGroups() throws {
    let found = try accuracy(Self.scores)
    #expect(found.top1 == 0.5 && found.unlabelledImages == 1)
    #expect(found.parts.map(\.name) == ["all", "many", "medium", "few", "G1", "G2", "G3", "G4"])
    let all = found.parts[0]
    #expect(all.images == 6 && all.right == 3 && all.classes == 3)
    #expect(abs((all.accuracy ?? 0) - (2.0 / 3 + 0.5 + 0) / 3) < 1e-12)
    #expect(found.parts[1].accuracy == 2.0 / 3 && found.parts[2].accuracy == 0.5 && found.parts[3].accuracy == 0)
    #expect(found.parts.suffix(4).map(\.accuracy) == [0, 0.5, 2.0 / 3, nil])
  }

  /// 20 and 100 are medium, 19 is few, 101 many.
  @Test func boundsOfTheShots() throws {
    try withTemporaryFolder { folder in
      try DurableFile.write("image_id,1,2,3,4\n1,1,0,0,0\n2,0,1,0,0\n3,0,0,1,0\n4,0,0,0,1\n", to: "\(folder)/s")
      try DurableFile.write("image_id,category_id\n1,1\n2,2\n3,3\n4,4\n", to: "\(folder)/l")
      let found = try ClassificationAccuracy(
        ClassPredictions(contentsOf: "\(folder)/s"), labels: ClassLabels(contentsOf: "\(folder)/l"),
        groups: CategoryGroups(instances: [19, 20, 100, 101], ids: [1, 2, 3, 4]))
      #expect(found.parts[1...3].map(\.classes) == [1, 2, 1])
    }
  }

  @Test func jsonIsReadAlike() throws {
    let json = """
      {"category_ids":[1,4,6],"images":[{"image_id":1,"scores":[0.9,0.1,0]},{"image_id":2,"scores":[0.5,0.2,0.3]},
      {"image_id":3,"scores":[0.1,0.4,0.4]},{"image_id":4,"scores":[0,0.001,0]},{"image_id":5,"scores":[0.8,0.1,0.1]},
      {"image_id":6,"scores":[0.2,0.4,0.3]}]}
      """
    let annotations = """
      {"images":[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5},{"id":6}],
      "categories":[{"id":1},{"id":4},{"id":6}],
      "annotations":[{"image_id":1,"category_id":1},{"image_id":2,"category_id":1},{"image_id":3,"category_id":1},
      {"image_id":4,"category_id":4},{"image_id":5,"category_id":4},{"image_id":6,"category_id":6}]}
      """
    #expect(try accuracy(json, annotations).parts == accuracy(Self.scores).parts)
  }

  @Test(arguments: [
    ("image_id,1\n1,x\n", "line 2: holds what is no number"), ("image_id,1\n1,1,2\n", "no 1 finite scores"),
    ("image_id,1\n1,nan\n", "no 1 finite scores"), ("image_id,1\n1,1\n1,1\n", "line 3: image 1 stands twice"),
    ("id,1\n", "line 1: is no header of class scores"), ("{\"images\":[]}", "holds no class scores"),
    ("", "line 1: is no header"), ("image_id,1,4,6\n1,1,0,0\n", "has no scores of image 2"),
    ("image_id,1,4\n1,1,0\n2,1,0\n3,1,0\n4,1,0\n5,1,0\n6,1,0\n", "is of category 6, which is none of the 2"),
  ]) func faultsAreNamed(scores: String, message: String) throws {
    let error = try #require(throws: DatasetError.self) { try accuracy(scores) }
    #expect(error.description.contains(message), "\(error)")
  }

  @Test(arguments: [
    ("image,category\n1,1\n", "is no header of labels"), ("image_id,category_id\n", "labels no image"),
    ("image_id,category_id\n1,1\n1,4\n", "line 3"),
    (
      "{\"images\":[{\"id\":1}],\"categories\":[{\"id\":1},{\"id\":4}],\"annotations\":[{\"image_id\":1,\"category_id\":1},"
        + "{\"image_id\":1,\"category_id\":4}]}", "is of the categories 1 and 4"
    ),
  ]) func faultsOfLabels(labels: String, message: String) throws {
    let error = try #require(throws: DatasetError.self) { try accuracy(Self.scores, labels) }
    #expect(error.description.contains(message), "\(error)")
  }
}
