import BalancedGroupSoftmax
import DurableFiles
import Foundation
import TestSupport
import Testing

/// Heads that know some of the classes, and class weights of the user's.
@Suite struct TrainNewClassesTests {
  /// The small set, a head that was trained on it, and the same set with other categories.
  private func withSets(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let run = try train(folder, ["--output", "softmax"])
      #expect(run.status == 0, "\(run.error)")
      try body(folder)
    }
  }

  private func train(_ folder: String, _ options: [String], annotations: String = "train.json") throws -> CommandOutput
  {
    try runBags(
      ["train", "--features", "train", "--annotations", annotations, "--method", "softmax", "--epochs", "2"] + options,
      in: folder)
  }

  /// The annotations with two further classes, as people add them.
  private func addClasses(in folder: String) throws {
    var object = try jsonObject(at: "\(folder)/train.json")
    var categories = try #require(object["categories"] as? [[String: Any]])
    for (id, name) in [(40, "drone"), (41, "kite")] { categories.append(["id": id, "name": name, "frequency": "r"]) }
    object["categories"] = categories
    try DurableFile.write(JSONSerialization.data(withJSONObject: object), to: "\(folder)/more.json")
    // Every id another, the names as they were.
    object["categories"] = categories.map { category in
      category.merging(["id": (category["id"] as? Int ?? 0) + 100]) { $1 }
    }
    object["annotations"] = try #require(object["annotations"] as? [[String: Any]]).map { annotation in
      annotation.merging(["category_id": (annotation["category_id"] as? Int ?? 0) + 100]) { $1 }
    }
    try DurableFile.write(JSONSerialization.data(withJSONObject: object), to: "\(folder)/renumbered.json")
  }

  @Test func newClassesStartAfreshAndAreNamed() throws {
    try withSets { folder in
      try addClasses(in: folder)
      var run = try train(folder, ["--init", "softmax", "--output", "more"], annotations: "more.json")
      #expect(run.status == 0, "\(run.error)")
      #expect(
        run.error.contains("softmax: lacks 2 of the 7 classes, which start afresh: drone (40), kite (41)"),
        "\(run.error)")
      #expect(try LinearHead(contentsOf: "\(folder)/more/head.safetensors").groups.classCount == 7)

      // Labels that the features state are of the old ids: they are assigned anew by overlap.
      let features = try FeatureSet(at: "\(folder)/train")
      #expect(features.hasLabels)
      run = try train(folder, ["--init", "softmax", "--output", "x"], annotations: "renumbered.json")
      #expect(run.status == 1, "\(run.error)")
    }
  }

  /// A detector whose classes stand in another order than its head file says.
  @Test func aHeadThatIsRightAboutFewRoIsIsTold() throws {
    try withSets { folder in
      var run = try train(folder, ["--init", "softmax", "--output", "a"])
      #expect(run.status == 0 && !run.error.contains("right about"), "\(run.error)")
      let head = try LinearHead(contentsOf: "\(folder)/softmax/head.safetensors")
      var turned = head
      for row in 1...5 {
        for column in 0..<head.inputs { turned.weight[row, column] = head.weight[row % 5 + 1, column] }
        turned.bias[row] = head.bias[row % 5 + 1]
      }
      try turned.write(to: "\(folder)/turned.safetensors")
      run = try train(folder, ["--init", "turned.safetensors", "--output", "b"])
      #expect(run.status == 0, "\(run.error)")
      #expect(run.error.contains("turned.safetensors: the head is right about"), "\(run.error)")
    }
  }

  @Test func classesAreMatchedByName() throws {
    try withSets { folder in
      try addClasses(in: folder)
      let old = try LinearHead(contentsOf: "\(folder)/softmax/head.safetensors")
      let groups = try CategoryGroups(counts: LVISDataset(contentsOf: "\(folder)/renumbered.json").categoryCounts())
      var fresh = try exampleHead(SoftmaxLayout(classCount: 7), inputs: 12, groups: groups, method: "softmax")
      try fresh.copyClasses(from: old, matching: .names)
      #expect(fresh.weight.row(3) == old.weight.row(3))

      // The head with the new ids, trained on with the old ones.
      try fresh.write(to: "\(folder)/renumbered.safetensors")
      var run = try train(folder, ["--init", "renumbered.safetensors", "--output", "a"])
      #expect(
        run.status == 1 && run.error.contains("renumbered.safetensors: none of its 7 categories is among the 5"),
        "\(run.error)")
      #expect(run.error.contains("--match"))
      let options = ["--init", "renumbered.safetensors", "--match", "names", "--output"]
      run = try train(folder, options + ["b"])
      #expect(run.status == 0 && !run.error.contains("afresh"), "\(run.error)")
      let record = try jsonObject(at: "\(folder)/b/run.json")
      #expect(record["matching"] as? String == "names")
      // A run's own settings repeat it.
      run = try runBags(["train", "--config", "b/run.json", "--output", "c"], in: folder)
      #expect(run.status == 0, "\(run.error)")
      #expect(try fileBytes("\(folder)/b/head.safetensors") == fileBytes("\(folder)/c/head.safetensors"))
      run = try train(folder, ["--match", "names", "--output", "d"])
      #expect(run.status == 64 && run.error.contains("--match is for --init"))
    }
  }

  @Test func weightsOfTheUser() throws {
    try withSets { folder in
      try DurableFile.write("class,weight\nclass 5,8\n4,4\nbackground,0.5\n", to: "\(folder)/weights.csv")
      var run = try train(folder, ["--class-weights", "weights.csv", "--output", "a"])
      #expect(run.status == 0, "\(run.error)")
      let record = try jsonObject(at: "\(folder)/a/run.json")
      let weights = try #require(record["class_weights"] as? [String: Any])
      #expect(weights["background"] as? Double == 0.5)
      #expect(weights["by_category"] as? [String: Double] == ["4": 4, "5": 8])
      #expect(try fileBytes("\(folder)/a/head.safetensors") != fileBytes("\(folder)/softmax/head.safetensors"))
      try DurableFile.write(#"{"background": 0.5, "4": 4, "5": 8}"#, to: "\(folder)/weights.json")
      run = try train(folder, ["--class-weights", "weights.json", "--output", "b"])
      #expect(try fileBytes("\(folder)/a/head.safetensors") == fileBytes("\(folder)/b/head.safetensors"))
      run = try runBags(["train", "--config", "a/run.json", "--output", "c"], in: folder)
      #expect(run.status == 0, "\(run.error)")
      #expect(try fileBytes("\(folder)/a/head.safetensors") == fileBytes("\(folder)/c/head.safetensors"))

      try DurableFile.write("class,weight\nclass 6,8\n", to: "\(folder)/weights.csv")
      run = try train(folder, ["--class-weights", "weights.csv", "--output", "d"])
      #expect(run.status == 1 && run.error.contains("weights.csv:2: 'class 6' is neither"), "\(run.error)")
      run = try train(folder, ["--class-weights", "weights.csv", "--method", "bags", "--output", "d"])
      #expect(run.status == 64 && run.error.contains("bags takes no class weights"), "\(run.error)")
    }
  }
}
