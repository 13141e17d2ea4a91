// Runs the code of the guides and of the README on a small synthetic set, in the folder given, and checks what comes of it.
import BalancedGroupSoftmax
import EvaluationAlone
import Foundation
import Guides

let files = FileManager.default
guard CommandLine.arguments.count == 2, files.changeCurrentDirectoryPath(CommandLine.arguments[1]) else {
  FileHandle.standardError.write(Data("usage: library-package FOLDER\n".utf8))
  exit(64)
}
var checks = Checks()
try ExampleFiles().write()

try ReadmeExample.run()
let head = try LinearHead(contentsOf: "head.safetensors")
checks.check(head.method == "bags", "the README's example trains bags")
checks.check(files.fileExists(atPath: "weightnorms.svg"), "the README's example draws the weight norms")
try GettingStartedExample.run()
checks.check(
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

checks.check(TrainingMethod.all.suffix(2).map(\.name) == ["poly", "tempered"], "losses are registered")
checks.check(ImageSamplingMethod.named("square-root") != nil, "the sampler is registered")
checks.check(RoIMiningMethod.named("some-background") != nil, "the way of mining is registered")
checks.check(CalibrationMethod.named("post-hoc-adjustment") != nil, "the calibration is registered")
checks.check(
  (try? LogitLayouts.register("softmax") { SoftmaxLayout(classCount: $0.classCount) }) == nil
    && (try? LogitLayouts.register("tempered") { SoftmaxLayout(classCount: $0.classCount) }) == nil,
  "the name of a layout cannot be taken twice")
let adjusted = try LinearHead(contentsOf: "adjusted.safetensors")
checks.check(adjusted.method == "softmax+post-hoc-adjustment", "the calibration is named in the head file")
let tempered = try LinearHead(contentsOf: "tempered.safetensors")
let exponent = tempered.layout.tensors["exponent"]?.first ?? 0
checks.check(tempered.layout.name == "tempered" && exponent.isFinite && exponent != 0, "the learned scale is kept")

// A comparison of what was registered with the baseline; its heads go through files.
let rows = try ComparedMethod.rows(
  "softmax,poly:epsilon=2+square-root+some-background,poly+ohem,tempered,softmax+post-hoc-adjustment:tau=0.5,"
    + "softmax+rfs-tuning:epochs=2")
let results = try Comparison(
  of: rows, on: try ExampleFiles.comparisonSet(),
  settings: TrainingSettings(epochs: 8, learningRate: 0.02, milestones: [7]), seeds: [0], folder: "own",
  program: "library-package"
).run()
checks.check(results.rows.map(\.method) == rows, "every row of the comparison has results")
for row in results.rows {
  guard let outcome = row.outcomes.first else {
    checks.check(false, "\(row.method) is trained: \(row.failures)")
    continue
  }
  checks.check(outcome.metrics["AP"].map { $0 > 0 && $0 <= 1 } == true, "\(row.method) has an AP above 0")
  let head = try LinearHead(contentsOf: outcome.run.headPath)
  checks.check((head.weight.storage + head.bias).allSatisfy(\.isFinite), "the weights of \(row.method) are finite")
  if row.method.calibration == nil {
    let losses = try outcome.run.metrics().map(\.loss)
    checks.check(losses.count > 1 && losses.last ?? .nan < losses[0], "the loss of \(row.method) falls: \(losses)")
  }
}
let scores = results.rows.compactMap { $0.value("AP")?.mean }
checks.check(Set(scores).count == rows.count, "no two methods of the comparison come to the same: \(scores)")

// A program that only evaluates reads the detections from a file.
try ExampleFiles.writeResults(of: head, to: "results.json")
let alone = try metrics(annotations: "lvis_v1_val.json", results: "results.json").get()
checks.check(alone["AP"].map { $0 > 0 } == true, "LVISEvaluation alone scores a results file")
if case .failure(let error) = try metrics(annotations: "lvis_v1_val.json", results: "none.json") {
  checks.check(error.path == "none.json", "a file that is missing is named")
} else {
  checks.check(false, "a file that is missing is an error")
}

guard checks.failureCount == 0 else { exit(1) }
print(
  "library-package: the guides' code runs; AP of "
    + zip(rows, scores).map { "\($0) \(NumberText.percent($1))" }.joined(separator: ", "))
