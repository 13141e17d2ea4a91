// Where inference spends its time: the CPU seconds of passes over a feature set that do more and more of the work.
//
//   swift run -c release inference HEAD FEATURES ANNOTATIONS
//
// `inference.py` makes such a set and compares the whole with PyTorch.

import BalancedGroupSoftmax
import DenseLinearAlgebra
import DetectionHeads
import Foundation
import LVISDatasets
import Synchronization

/// Scores as the head does, bounds as the head does or not at all, and counts the RoIs.
struct CountingScorer: RoIScorer {
  final class Counter: Sendable { let rows = Atomic(0) }

  let head: LinearHead
  let bounds: Bool
  let counter = Counter()
  var inputs: Int { head.inputs }
  var classCount: Int { head.classCount }
  var scratchCount: Int { head.scratchCount }

  func score(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into scores: UnsafeMutablePointer<Float>
  ) {
    counter.rows.add(count, ordering: .relaxed)
    head.score(features: features, count: count, scratch: scratch, into: scores)
  }

  func boundScores(
    features: UnsafePointer<Float>, count: Int, scratch: UnsafeMutablePointer<Float>,
    into result: UnsafeMutablePointer<Float>
  ) -> Bool {
    bounds && head.boundScores(features: features, count: count, scratch: scratch, into: result)
  }
}

func cpuSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

let paths = Array(CommandLine.arguments.dropFirst())
guard paths.count == 3 else {
  print("usage: inference HEAD FEATURES ANNOTATIONS")
  exit(64)
}
let head = try LinearHead(contentsOf: paths[0])
let set = try FeatureSet(at: paths[1])
let dataset = try LVISDataset(contentsOf: paths[2], including: [])
let block = 1024
var features = [Float](repeating: 0, count: block * head.inputs)
var logits = [Float](repeating: 0, count: block * head.bias.count)
var scores = [Float](repeating: 0, count: block * head.classCount)

func report(_ name: String, since start: Double) -> Double {
  let milliseconds = (cpuSeconds() - start) * 1000 / Double(set.images.count)
  print(name.padding(toLength: 44, withPad: " ", startingAt: 0), String(format: "%8.3f ms an image", milliseconds))
  return milliseconds
}

func forEachBlock(_ body: (Range<Int>) throws -> Void) rethrows {
  for start in stride(from: 0, to: set.roiCount, by: block) { try body(start..<min(start + block, set.roiCount)) }
}

for _ in 0..<2 {
  var start = cpuSeconds()
  try forEachBlock { try set.copyFeatures(rows: $0, into: &features) }
  let read = report("read and widen", since: start)
  start = cpuSeconds()
  forEachBlock { rows in
    head.weight.withUnsafeValues { weight in
      guard let weight = weight.baseAddress else { return }
      linearLogits(
        features: features, count: rows.count, inputs: head.inputs, weight: weight, bias: head.bias, into: &logits)
    }
  }
  let product = report("logits", since: start)
  start = cpuSeconds()
  forEachBlock { head.layout.scores(logits: &logits, count: $0.count, into: &scores) }
  let scoring = report("scores", since: start)
  for bounds in [false, true] {
    let scorer = CountingScorer(head: head, bounds: bounds)
    start = cpuSeconds()
    let pass = try DetectionPass(
      features: set, scorer: scorer, clippingTo: dataset, settings: DetectionSettings(threads: 1))
    var detections = 0
    try pass.forEachImage {
      $0.detections.count
    } deliver: {
      detections += $0
    }
    let whole = report(bounds ? "detections, RoIs bounded first" : "detections, every RoI scored", since: start)
    if !bounds {
      print("  of which threshold, decoding, suppression:", String(format: "%.3f", whole - read - product - scoring))
    }
    print("  RoIs scored:", scorer.counter.rows.load(ordering: .relaxed), "of", set.roiCount, "detections:", detections)
  }
}
