// The kernels of training and inference by themselves:
//
//   swift package -c release benchmark --target Kernels

import Benchmark
import BalancedGroupSoftmax
import DenseLinearAlgebra
import DetectionHeads
import Foundation

let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .throughput, .instructions], warmupIterations: 3, maxDuration: .seconds(2),
    maxIterations: 10_000)

  /// `count` numbers from −8 to 8.
  @Sendable func numbers(_ count: Int) -> [Float] {
    var generator = SeededGenerator(seed: 1)
    return (0..<count).map { _ in Float.random(in: -8..<8, using: &generator) }
  }

  // Softmax of 1,024 RoIs over the largest group of LVIS v1, and over all its classes.
  for columns in [259, 1204] {
    let logits = numbers(1024 * columns)
    Benchmark("softmax 1024 × \(columns)") { benchmark in
      var values = logits
      benchmark.startMeasurement()
      values.withUnsafeMutableBufferPointer { values in
        guard let base = values.baseAddress else { return }
        for row in 0..<1024 { _ = Float.softmax(base + row * columns, count: columns) }
      }
      blackHole(values)
    }
  }

  let logits = numbers(1024 * 1203)
  Benchmark("sigmoid 1024 × 1203") { benchmark in
    var values = logits
    benchmark.startMeasurement()
    Float.sigmoid(&values, count: values.count)
    blackHole(values)
  }

  let weights = [Float](repeating: 1, count: 1203)
  Benchmark("logistic loss and gradient 1024 × 1203") { benchmark in
    var values = logits
    benchmark.startMeasurement()
    var loss: Float = 0
    values.withUnsafeMutableBufferPointer { values in
      guard let base = values.baseAddress else { return }
      for row in 0..<1024 { loss += Float.logisticLoss(base + row * 1203, weights: weights, scale: 1, count: 1203) }
    }
    blackHole(loss)
  }

  // X Wᵀ + b of the largest group of LVIS v1, on one thread.
  let (features, weight) = (numbers(1024 * 1024), numbers(258 * 1024))
  let bias = [Float](repeating: 0, count: 258)
  Benchmark("logits 1024 × 1024 × 258, one thread") { benchmark in
    var result = [Float](repeating: 0, count: 1024 * 258)
    benchmark.startMeasurement()
    linearLogits(features: features, count: 1024, inputs: 1024, weight: weight, bias: bias, into: &result)
    blackHole(result)
  }

  // Per-class suppression as `bags predict` does it: 1,000 boxes of one class.
  var generator = SeededGenerator(seed: 2)
  let boxes = (0..<1000).map { _ in
    let (x, y) = (Float.random(in: 0..<600, using: &generator), Float.random(in: 0..<400, using: &generator))
    return CornerBox(
      x, y, x + Float.random(in: 10..<200, using: &generator), y + Float.random(in: 10..<200, using: &generator))
  }
  let (scores, classes) = (numbers(1000), [Int](repeating: 0, count: 1000))
  Benchmark("suppression of 1000 boxes") { _ in
    blackHole(nonMaximumSuppression(boxes: boxes, scores: scores, classes: classes))
  }
}
