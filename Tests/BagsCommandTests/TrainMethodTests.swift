import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

/// `bags train --method …` with the options that methods declare themselves.
@Suite struct TrainMethodTests {
  private func train(_ folder: String, _ options: [String]) throws -> CommandOutput {
    try runBags(
      ["train", "--features", "train", "--annotations", "train.json", "--epochs", "2", "--threads", "1"] + options,
      in: folder)
  }

  /// Every method trains by its name, records its parameters, and its head predicts.
  @Test func everyMethodTrainsAndPredicts() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      #expect(try train(folder, ["--method", "softmax", "--output", "softmax"]).status == 0)
      for method in TrainingMethod.all where method.name != "softmax" {
        let start = method.needsInitialHead ? ["--init", "softmax"] : []
        let run = try train(folder, ["--method", method.name, "--output", method.name] + start)
        #expect(run.status == 0, "\(method.name): \(run.error)")
        let record = try RunFolder(at: "\(folder)/\(method.name)").record()
        #expect(record.method == method.name)
        #expect(record.recipe?.method.parameters == (try MethodParameters(of: method)).values)
        let predicted = try runBags(
          [
            "predict", method.name, "--features", "val", "--annotations", "val.json", "--output", "\(method.name).json",
          ],
          in: folder)
        #expect(predicted.status == 0, "\(method.name): \(predicted.error)")
        let results = try fileBytes("\(folder)/\(method.name).json")
        #expect(results.count > 1000, "\(method.name)")
      }
    }
  }

  @Test func takesTheOptionsOfTheMethod() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      #expect(
        try train(folder, ["--gamma", "1", "--method", "focal", "--alpha=.5", "--output", "a"]).status == 0)
      let focal = try RunFolder(at: "\(folder)/a").record()
      #expect(focal.recipe?.method.parameters == ["gamma": "1", "alpha": ".5", "prior": "0.01"])
      #expect(
        try train(folder, ["--others-ratio", "3", "--g0", "official", "--others", "no", "--output", "b"]).status == 0)
      let bags = try RunFolder(at: "\(folder)/b").record()
      #expect(bags.recipe?.method.parameters == ["others-ratio": "3", "g0": "official", "others": "no"])
      let head = try LinearHead(contentsOf: "\(folder)/b/head.safetensors")
      #expect(head.layout.name == "grouped-official-without-others")
    }
  }

  @Test func groupsAreMadeAtBoundariesGivenOrFound() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      #expect(try train(folder, ["--groups", "5,50", "--output", "a"]).status == 0)
      #expect(try CategoryGroups(contentsOf: "\(folder)/a/groups.json").boundaries == [5, 50])
      #expect(try train(folder, ["--groups", "auto:3", "--output", "b"]).status == 0)
      let found = try CategoryGroups(contentsOf: "\(folder)/b/groups.json")
      #expect(found.boundaries == (try naturalBreaks(of: found.members.map(\.instanceCount), groups: 3)))
      let tooMany = try train(folder, ["--groups", "auto:9", "--output", "c"])
      #expect(tooMany.status == 1 && tooMany.error.contains("9 groups need as many different counts"))
      let alone = try runBags(["train", "--features", "train", "--groups", "auto:3"], in: folder)
      #expect(alone.status == 64 && alone.error.contains("--annotations"))
    }
  }

  @Test(arguments: [
    (["--gama", "2", "--method", "focal"], "Did you mean '--gamma'?"),
    (
      ["--gamma", "2"],
      "--gamma is an option of focal, varifocal and efl, but not of the method bags, which has --others-ratio"
    ),
    (["--gamma", "2", "--method", "softmax"], "which has no options of its own"),
    (["--method", "focal", "--gamma", "x"], "--gamma must be a number from 0 to 20, not 'x'"),
    (["--method", "focal", "--gamma"], "Missing value for '--gamma'"),
    (["--epoch", "3"], "Did you mean '--epochs'?"), (["--zzzzzzz"], "Unknown option '--zzzzzzz'"),
    (["somewhere"], "Unexpected argument 'somewhere'"), (["--method", "focl"], "did you mean focal?"),
    (
      ["--g0", "none", "--others", "no"],
      "--g0 none and --others no together would leave nothing to tell background from foreground"
    ),
    (["--method", "disalign"], "--init"),
  ])
  func refusesWhatIsNotTheMethods(options: [String], message: String) throws {
    let run = try runBags(["train"] + options)
    #expect(run.status == 64 && run.error.contains(message), "\(run.error)")
  }
}
