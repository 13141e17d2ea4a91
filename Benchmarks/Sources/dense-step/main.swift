// Times the training step of a dense head: the last 3 × 3 convolution on maps in memory, and with --tower N that many
// convolutions below it. `dense_step.py` times the same in PyTorch.
//   dense-step --shape glyphs|coco [--mining ohem-1to3|random] [--tower 4] [--steps 20] [--warm-up 3] [--threads 2]

import BalancedGroupSoftmax
import DenseLinearAlgebra
import DetectionHeads
import Foundation

func argument(_ name: String) -> String? {
  guard let position = CommandLine.arguments.firstIndex(of: "--\(name)"), position + 1 < CommandLine.arguments.count
  else { return nil }
  return CommandLine.arguments[position + 1]
}

/// Maps of random numbers, a few anchors of each image an object's.
struct RandomMaps: AnchorSource {
  let shapes: [FeatureMapSet.LevelShape]
  let channelCount: Int
  let anchorsPerLocation: Int
  let imageCount: Int
  let labels: [[AnchorLabel]]
  let values: [Float]

  var locationCount: Int { shapes.reduce(0) { $0 + $1.count } }
  var featureCount: Int { 9 * channelCount }
  func rows(ofImage index: Int) -> Range<Int> {
    let count = locationCount * anchorsPerLocation
    return index * count..<(index + 1) * count
  }
  func levels(ofImage index: Int) -> [FeatureMapSet.LevelShape] { shapes }
  func labelledAnchors(ofImage index: Int) -> ArraySlice<AnchorLabel> { labels[index][...] }
  func copyMaps(ofImage index: Int, into destination: UnsafeMutablePointer<Float>) {
    let count = locationCount * channelCount
    values.withUnsafeBufferPointer { values in
      if let base = values.baseAddress { destination.update(from: base + index * count, count: count) }
    }
  }
  func copyFeatures(rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) {}
}

let isCOCO = argument("shape") == "coco"
let threads = Int(argument("threads") ?? "2") ?? 2
let steps = Int(argument("steps") ?? "20") ?? 20
let (classes, channels, anchors) = isCOCO ? (80, 256, 9) : (200, 64, 3)
// An image of 800 × 1,344 pixels at strides 8 to 128; sixteen of 192 × 192 at 8 to 32.
let shapes = (isCOCO ? [(100, 168), (50, 84), (25, 42), (13, 21), (7, 11)] : [(24, 24), (12, 12), (6, 6)]).map {
  FeatureMapSet.LevelShape(height: $0.0, width: $0.1)
}
let (images, perBatch) = isCOCO ? (4, 1) : (64, 16)
var generator = SeededGenerator(seed: 0)
let locations = shapes.reduce(0) { $0 + $1.count }
// As many positives as glyphs-dense and COCO have: 74 and about 100 an image.
let labels: [[AnchorLabel]] = (0..<images).map { _ in
  let places = (0..<(isCOCO ? 100 : 74)).map { _ in
    Int32.random(in: 0..<Int32(locations * anchors), using: &generator)
  }
  return Set(places).sorted().map {
    AnchorLabel(place: $0, label: Int32.random(in: 0..<Int32(classes), using: &generator))
  }
}
let source = RandomMaps(
  shapes: shapes, channelCount: channels, anchorsPerLocation: anchors, imageCount: images, labels: labels,
  values: (0..<images * locations * channels).map { _ in max(0, Float.random(in: -1..<1, using: &generator)) })
let groups = try CategoryGroups(
  counts: (0..<classes).map { CategoryCount(id: $0 + 1, name: "c\($0)", instances: 10 + $0, images: 10) })
let tower = Int(argument("tower") ?? "0") ?? 0
let recipe = TrainingRecipe(
  MethodChoice(name: "focal", parameters: ["prior": "0.01"]),
  mining: argument("mining").map {
    MethodChoice(name: $0, parameters: $0 == "random" ? ["rois-per-image": "512"] : [:])
  },
  architecture: HeadArchitecture(tower: tower > 0 ? TowerArchitecture(layers: tower) : nil),
  settings: TrainingSettings(
    epochs: 1_000_000, imagesPerBatch: perBatch, learningRate: 0.01, milestones: [], warmupSteps: 0, gradientClip: nil,
    threads: threads))
let trainer = try recipe.trainer(on: source, groups: groups, imageCount: images)
for _ in 0..<(Int(argument("warm-up") ?? "3") ?? 3) { _ = try trainer.step() }
let warm = trainer.times
var times: [Double] = []
var examples = 0
for _ in 0..<steps {
  let start = ContinuousClock.now
  examples = try trainer.step().roiCount
  times.append((ContinuousClock.now - start) / .milliseconds(1))
}
times.sort()
let parts = StepTimes.Part.allCases.map { part in
  String(format: "\"%@\": %.3f", "\(part)", (trainer.times[part] - warm[part]) * 1000 / Double(steps))
}
// What must be multiplied: by tiles 36 products for each channel and output, of chosen anchors 9 for each channel and logit.
// Forward and backward of the last convolution; of each below it forward, dW and, but for the lowest, dX.
let tiles = perBatch * shapes.reduce(0) { $0 + ($1.height + 3) / 4 * (($1.width + 3) / 4) }
let outputs = Double(anchors * classes)
let ofMaps = 2.0 * 36 * Double(tiles * channels)
let ofExamples = 2.0 * 9 * Double(examples * channels * classes)
let last: Double
switch argument("mining") {
case "random": last = 2 * ofExamples
case .some: last = ofMaps * outputs + ofExamples
case nil: last = (tower > 0 ? 3 : 2) * ofMaps * outputs
}
let operations = last + ofMaps * Double(channels * max(0, 3 * tower - 1))
print(
  String(
    format: "{\"milliseconds\": %.3f, \"minimum\": %.3f, \"examples\": %d, \"gflop\": %.3f, \"parts\": {%@}}",
    times[times.count / 2], times[0], examples, operations * 1e-9, parts.joined(separator: ", ")))
