import BalancedGroupSoftmax
import Foundation
import TestSupport
import Testing

@Suite struct TrainSettingsFileTests {
  private let inputs = ["--features", "train", "--annotations", "train.json", "--threads", "1"]

  private func head(_ path: String) throws -> Data {
    try fileBytes("\(path)/head.safetensors")
  }

  private func write(_ text: String, to path: String) throws {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }

  @Test(arguments: [
    ["--others-ratio", "3", "--g0", "official", "--groups", "5,50", "--gradient-clip", "0", "--seed", "7"],
    ["--method", "focal", "--alpha", "0.3", "--sampler", "rfs", "--repeat-threshold", "0.2", "--milestones", ""],
    ["--method", "softmax", "--mining", "ohem", "--rois-per-image", "4"],
  ])
  func recordOfARunRepeatsItExactly(options: [String]) throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      let first = try runBags(["train"] + inputs + ["--epochs", "2", "--output", "a"] + options, in: folder)
      #expect(first.status == 0, "\(first.error)")
      let again = try runBags(["train", "--config", "a/run.json", "--output", "b"], in: folder)
      #expect(again.status == 0 && !again.error.contains("warning"), "\(again.error)")
      #expect(try head("\(folder)/a") == head("\(folder)/b"))
      let folderNamed = try runBags(["train", "--config=a", "--seed", "9", "--output", "c"], in: folder)
      #expect(folderNamed.status == 0, "\(folderNamed.error)")
      #expect(try head("\(folder)/a") != head("\(folder)/c"))
      var (a, c) = (try RunFolder(at: "\(folder)/a").record(), try RunFolder(at: "\(folder)/c").record())
      #expect(c.settings.seed == 9)
      c.recipe?.settings.seed = a.settings.seed
      (c.created, c.result) = (a.created, nil)
      a.result = nil
      #expect(a == c)
    }
  }

  @Test func takesYAMLAndTheCommandLineWins() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      try write(
        """
        # What we always use.
        features: train
        annotations: train.json
        learning_rate: 2e-2     # underscores will do
        milestones: [1, 2]
        epochs: 3
        others-ratio: 4
        overwrite: false
        output: named
        """, to: "\(folder)/settings.yaml")
      let run = try runBags(["train", "--config", "settings.yaml", "--epochs", "1"], in: folder)
      #expect(run.status == 0, "\(run.error)")
      let record = try RunFolder(at: "\(folder)/named").record()
      #expect(
        record.settings.epochs == 1 && record.settings.learningRate == 0.02 && record.settings.milestones == [1, 2])
      #expect(record.recipe?.method.parameters["others-ratio"] == "4")
      // Another method has no use for the options of the file's.
      let other = try runBags(
        ["train", "--config", "settings.yaml", "--method", "softmax", "--epochs", "1", "--output", "s"], in: folder)
      #expect(other.status == 64, "others-ratio stands there for no method")
      try write("method: bags\nothers-ratio: 4\nfeatures: train\nannotations: train.json\n", to: "\(folder)/bags.yaml")
      let named = try runBags(
        ["train", "--config", "bags.yaml", "--method", "softmax", "--epochs", "1", "--output", "s"], in: folder)
      #expect(named.status == 0, "\(named.error)")
    }
  }

  @Test(arguments: [
    ("epochs: 3\nlearnign-rate: 1\n", "settings.yaml:2: 'learnign-rate' is no setting of `bags train`; did you mean "),
    ("learnign-rate: 1\n", "did you mean learning-rate?"),
    ("epochs: 3\n\nepochs: 4\n", "epochs stands there twice"),
    ("epochs: [\n", "is no YAML"),
    ("epochs:\n", "settings.yaml:1: 'epochs' needs one value"),
    ("epochs: {a: 1}\n", "settings.yaml:1: 'epochs' needs one value"),
    ("overwrite: maybe\n", "settings.yaml:1: 'overwrite' must be true or false"),
    ("seed: 1\nepochs: many\n", "settings.yaml:2: The value 'many' is invalid for '--epochs"),
    ("seed: 1\nepochs: 0\n", "settings.yaml:2: --epochs must be"),
    ("\nothers-ratio: x\n", "settings.yaml:2: --others-ratio must be a number"),
    ("resume: a\n", "'resume' is no setting"),
    ("just words\n", "holds no settings"),
    ("", "is empty"),
    ("{\"format\": \"bags-run\"}", "settings.yaml:"),
  ])
  func namesTheLineOfAMistake(text: String, message: String) throws {
    try withTemporaryFolder { folder in
      try write(text, to: "\(folder)/settings.yaml")
      let run = try runBags(["train", "--config", "settings.yaml"], in: folder)
      // What is no settings file at all is not a wrong word.
      let isFile = !["is no YAML", "holds no", "is empty", "stands there twice"].contains { message.contains($0) }
      #expect(
        run.status == (isFile && !text.contains("bags-run") ? 64 : 1) && run.error.contains(message), "\(run.error)")
      #expect(run.output.isEmpty && run.error.hasPrefix("Error: "))
    }
  }

  @Test func survivesHostileFiles() throws {
    try withTemporaryFolder { folder in
      try write(String(repeating: "[", count: 200_000), to: "\(folder)/deep.yaml")
      try write(String(repeating: "a", count: 2 << 20), to: "\(folder)/large.yaml")
      try Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 * 37) }).write(
        to: URL(fileURLWithPath: "\(folder)/binary"))
      for name in ["deep.yaml", "large.yaml", "binary", "nowhere.yaml"] {
        let run = try runBags(["train", "--config", name], in: folder)
        #expect(run.status == 1 && run.error.hasPrefix("Error: \(name)"), "\(run.error.prefix(300))")
      }
    }
  }

  @Test func saysWhenAnInputIsAnother() throws {
    try withTemporaryFolder { folder in
      try SmallDetectionSet.write(to: folder)
      _ = try runBags(["train"] + inputs + ["--epochs", "1", "--output", "a"], in: folder)
      let path = "\(folder)/train.json"
      try write(try String(contentsOfFile: path, encoding: .utf8) + " ", to: path)
      let again = try runBags(["train", "--config", "a/run.json", "--output", "b"], in: folder)
      #expect(again.status == 0 && again.error.contains("train.json: is not what it was for a/run.json"))
    }
  }
}
