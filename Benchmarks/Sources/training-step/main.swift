// Times the training step of balanced group softmax at LVIS v1's size: 1,024 RoIs × 1,024 features × 1,209 logits, a
// quarter of the RoIs foreground drawn by instance count. `training_step.py` times the same in PyTorch.

import BalancedGroupSoftmax
import DenseLinearAlgebra
import DetectionHeads
import Foundation

func argument(_ name: String, default value: Int) -> Int {
  guard let position = CommandLine.arguments.firstIndex(of: "--\(name)"),
    position + 1 < CommandLine.arguments.count
  else { return value }
  return Int(CommandLine.arguments[position + 1]) ?? value
}

let rois = argument("rois", default: 1024)
let features = argument("features", default: 1024)
let classes = argument("classes", default: 1203)
let steps = argument("steps", default: 200)
let threads = argument("threads", default: 2)
let batches = 8
let precision: ProductPrecision = CommandLine.arguments.contains("bf16") ? .bfloat16 : .single

// LVIS v1's shape: 200, 412, 334 and 257 of 1,203 classes in the groups, log-uniform inside each.
let bounds: [(share: Double, low: Double, high: Double)] = [
  (200.0 / 1203, 1, 10), (412.0 / 1203, 10, 100), (334.0 / 1203, 100, 1000), (257.0 / 1203, 1000, 50_000),
]
var generator = SeededGenerator(seed: 0)
var counts: [Int] = []
for bound in bounds {
  for _ in 0..<Int((bound.share * Double(classes)).rounded()) {
    let exponent = Double.random(in: 0..<1, using: &generator)
    counts.append(Int(bound.low * Foundation.pow(bound.high / bound.low, exponent)))
  }
}
counts.shuffle(using: &generator)
let groupCount = argument("groups", default: 4)
let groups = try CategoryGroups(
  counts: counts.enumerated().map { CategoryCount(id: $0 + 1, name: "c\($0)", instances: $1, images: $1) },
  boundaries: groupCount == 4 ? .counts([10, 100, 1000]) : .naturalBreaks(groups: groupCount))

var cumulative: [Double] = []
for count in counts { cumulative.append((cumulative.last ?? 0) + Double(count)) }
@MainActor func drawClass() -> Int32 {
  let x = Double.random(in: 0..<(cumulative.last ?? 1), using: &generator)
  return Int32(cumulative.firstIndex { $0 > x } ?? 0)
}
let images = batches * 16
let labels = (0..<batches * rois).map { _ in
  Double.random(in: 0..<1, using: &generator) < 0.25 ? drawClass() : -1
}
let values = (0..<batches * rois * features).map { _ in Float.random(in: 0..<1, using: &generator) }
let source = RoIArrays(
  features: values, featureCount: features, labels: labels,
  roisPerImage: Array(repeating: rois / 16, count: images))

var settings = TrainingSettings()
settings.epochs = 1_000_000
settings.threads = threads
settings.warmupSteps = 0
settings.precision = precision
let objective = BalancedGroupSoftmaxLoss(groups: groups, background: .official)
let head = LinearHead(
  inputs: features, layout: objective.layout, groups: groups, method: "bags", using: &generator)
let trainer = try HeadTrainer(head: head, objective: objective, source: source, settings: settings)
for _ in 0..<10 { _ = try trainer.step() }
let warm = trainer.times
/// The processor time of all threads so far, in milliseconds.
func processorTime() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) * 1e-6
}
let warmProcessorTime = processorTime()
var times: [Double] = []
var keptRows = 0.0
for _ in 0..<steps {
  let start = ContinuousClock.now
  let step = try trainer.step()
  times.append((ContinuousClock.now - start) / .milliseconds(1))
  keptRows += Double(step.keptRowCounts.dropFirst().reduce(0, +))
}
let processorTimePerStep = (processorTime() - warmProcessorTime) / Double(steps)
// What the loss needs: forward and backward, 2 · 2 · rows · logits · features for every block.
var sampling = objective
var operations = 0.0
for batch in 0..<batches {
  let blocks = sampling.blocks(labels: Array(labels[batch * rois..<(batch + 1) * rois]), using: &generator)
  for block in blocks {
    operations += Double(4 * block.rowCount(batchCount: rois) * block.logits.count * features)
  }
}
operations /= Double(batches)
times.sort()
let median = times[times.count / 2]
let parts = StepTimes.Part.allCases.map { part in
  String(format: "\"%@\": %.3f", "\(part)", (trainer.times[part] - warm[part]) * 1000 / Double(steps))
}
print(
  String(
    format:
      "{\"milliseconds\": %.3f, \"minimum\": %.3f, \"cpu_milliseconds\": %.3f, \"rois_per_second\": %.0f, "
      + "\"logits\": %d, \"kept_rows\": %.0f, "
      + "\"gflop\": %.3f, \"gflops\": %.1f, \"parts\": {%@}}",
    median, times[0], processorTimePerStep, Double(rois) / median * 1000, head.bias.count, keptRows / Double(steps),
    operations * 1e-9, operations * 1e-6 / median, parts.joined(separator: ", ")))
