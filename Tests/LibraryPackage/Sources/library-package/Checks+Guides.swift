import BalancedGroupSoftmax
import Foundation
import Guides

extension Checks {
  /// Runs the code of the README and of the guides, and looks at the files that it writes and the methods that it
  /// registers.
  mutating func runGuides() throws {
    let files = FileManager.default
    try ReadmeExample.run()
    check(try LinearHead(contentsOf: "head.safetensors").method == "bags", "the README's example trains bags")
    check(files.fileExists(atPath: "weightnorms.svg"), "the README's example draws the weight norms")
    try GettingStartedExample.run()
    check(
      try ComparisonDocument(inFolder: "comparison").methods.map(\.failures) == [[], [], []],
      "the guide compares three methods")
    try files.createDirectory(atPath: "runs/bags", withIntermediateDirectories: true)
    try files.copyItem(atPath: "head.safetensors", toPath: "runs/bags/head.safetensors")
    try files.copyItem(atPath: "lvis_v1_val.json", toPath: "val.json")
    try YourOwnDetectorExample.run()
    try AddingALossExample.run()
    try AddingASamplerExample.run()
    try AddingACalibrationExample.run()
    try AddingALayerExample.run()

    check(TrainingMethod.all.suffix(2).map(\.name) == ["poly", "tempered"], "losses are registered")
    check(ImageSamplingMethod.named("square-root") != nil, "the sampler is registered")
    check(RoIMiningMethod.named("some-background") != nil, "the way of mining is registered")
    check(CalibrationMethod.named("prior-adjustment") != nil, "the calibration is registered")
    for taken in ["softmax", "tempered"] {
      check(
        (try? LogitLayouts.register(taken) { SoftmaxLayout(classCount: $0.classCount) }) == nil,
        "the name of the layout \(taken) cannot be taken twice")
    }
    let adjusted = try LinearHead(contentsOf: "adjusted.safetensors")
    check(adjusted.method == "softmax+prior-adjustment", "the calibration is named in the head file")
    let tempered = try LinearHead(contentsOf: "tempered.safetensors")
    let exponent = tempered.layout.tensors["exponent"]?.first ?? 0
    check(tempered.layout.name == "tempered" && exponent.isFinite && exponent != 0, "the learned scale is kept")
  }

  /// Compares what was registered with the baseline; the heads go through files.
  mutating func compareOwnMethods() throws {
    let rows = try ComparedMethod.rows(
      "softmax,poly:epsilon=2+square-root+some-background,poly+ohem,tempered,softmax+prior-adjustment:tau=0.5,"
        + "softmax+rfs-tuning:epochs=2")
    let results = try Comparison(
      of: rows, on: try ExampleFiles.comparisonSet(),
      settings: TrainingSettings(epochs: 8, learningRate: 0.02, milestones: [7]), seeds: [0], folder: "own",
      program: "library-package"
    ).run()
    check(results.rows.map(\.method) == rows, "every row of the comparison has results")
    for row in results.rows {
      guard let outcome = row.outcomes.first else {
        check(false, "\(row.method) is trained: \(row.failures)")
        continue
      }
      check(outcome.metrics["AP"].map { $0 > 0 && $0 <= 1 } == true, "\(row.method) has an AP above 0")
      let head = try LinearHead(contentsOf: outcome.run.headPath)
      check((head.weight.storage + head.bias).allSatisfy(\.isFinite), "the weights of \(row.method) are finite")
      if row.method.calibration == nil {
        let losses = try outcome.run.metrics().map(\.loss)
        check(losses.count > 1 && losses.last ?? .nan < losses[0], "the loss of \(row.method) falls: \(losses)")
      }
    }
    let scores = results.rows.compactMap { $0.value("AP")?.mean }
    check(Set(scores).count == rows.count, "no two methods of the comparison come to the same: \(scores)")
    print("AP of " + zip(rows, scores).map { "\($0) \(NumberText.percent($1))" }.joined(separator: ", "))
  }
}
