import DurableFiles
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import TestSupport
import Testing
import TrainingRuns

@Suite struct RunRecordTests {
  private func record(_ text: String) throws -> RunRecord {
    try withTemporaryFolder { folder in
      try text.write(toFile: "\(folder)/run.json", atomically: true, encoding: .utf8)
      return try RunRecord(contentsOf: "\(folder)/run.json")
    }
  }

  private static let rest = """
    "blas_kernels": "Zen", "created": "2026-01-01T00:00:00Z", "feature_count": 12, "format": "bags-run",
    "image_count": 100, "inputs": {}, "program": "bags", "roi_count": 800, "version": 1
    """

  @Test func aRecordIsReadAsItWasWritten() throws {
    var settings = TrainingSettings()
    settings.learningRate = 0.5
    settings.gradientClip = nil
    var recipe = TrainingRecipe(
      MethodChoice(name: "bags", parameters: ["others-ratio": "3"]), sampler: MethodChoice(name: "rfs"),
      boxes: BoxChoice(
        loss: MethodChoice(name: "ghm-r"), classes: .perClass, convention: .mmdetection1, lossWeight: 0.1),
      settings: settings)
    recipe.architecture.stageWeights = [1, 0.5]
    let source = RoIArrays(features: [1, 2], featureCount: 2, labels: [0], roisPerImage: [1])
    let written = RunRecord(of: recipe, on: source, inputs: [:], groupBoundaries: "10", program: "bags")
    let json = try JSONDocument.text(written)
    #expect(json.contains("\"images_per_batch\"") && json.contains("\"method\" : \"bags\""))
    #expect(try record(json) == written)
    // A recipe's own JSON is a part of it.
    #expect(try TrainingRecipe(json: Data(json.utf8)) == recipe)
    #expect(try TrainingRecipe(json: Data(try recipe.json().utf8)) == recipe)
    #expect(try recipe.json().contains("\"method_parameters\""))
  }

  @Test func earlierVersionsOfACalibrationAreRead() throws {
    let choice = #""calibration": {"name": "tau-norm", "parameters": {"tau": "0.5"}}, "method_parameters": {}"#
    let settings = #""settings": {"epochs": 1, "images_per_batch": 8, "seed": 3, "threads": 2}"#
    let compared = try record("{\"method\": \"softmax\", \(choice), \(settings), \(Self.rest)}")
    #expect(compared.method == "softmax+tau-norm" && compared.recipe?.method.name == "softmax")
    #expect(compared.recipe?.settings.epochs == 1)
    let calibrated = try record("{\"method\": \"softmax+tau-norm\", \(choice), \(settings), \(Self.rest)}")
    #expect(calibrated.method == "softmax+tau-norm" && calibrated.recipe == nil)
    for one in [compared, calibrated] {
      #expect(one.calibration?.method == MethodChoice(name: "tau-norm", parameters: ["tau": "0.5"]))
      #expect(one.settings.imagesPerBatch == 8 && one.settings.seed == 3 && one.settings.threads == 2)
    }
  }

  @Test func namesWhatIsWrong() throws {
    let error = #expect(throws: RunFolderError.self) {
      try record("{\"method\": \"softmax\", \"settings\": {\"epochs\": 0}, \(Self.rest)}")
    }
    #expect(error?.description.contains("run.json: settings: epochs must be from 1") == true, "\(error as Any)")
    let unknown = #expect(throws: RunFolderError.self) {
      try record("{\"method\": \"x\", \"calibration\": {\"name\": \"tau\", \"parameters\": {}}, \(Self.rest)}")
    }
    #expect(unknown?.description.contains("there is no calibration 'tau'") == true, "\(unknown as Any)")
  }
}
