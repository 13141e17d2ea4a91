import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Whole cases as scalars of either precision.
func scalars<Scalar: DenseScalar>(_ value: Any?, as scalar: Scalar.Type = Scalar.self) -> [Scalar] {
  numbers(value).map { Scalar($0) }
}

/// Labels where background is the class behind the last, as −1.
func labelsWithBackgroundLast(_ value: Any?, classCount: Int) -> [Int32] {
  integers(value).map { $0 == classCount ? -1 : Int32($0) }
}

/// The rows that have a weight: mmdetection leaves out those without.
func weightedRows(_ value: Any?) -> [Int] {
  numbers(value).enumerated().filter { $0.element > 0 }.map(\.offset)
}

/// Rows of a matrix, row after row.
func rows<Element>(_ rows: [Int], of values: [Element], columns: Int) -> [Element] {
  rows.flatMap { values[$0 * columns..<($0 + 1) * columns] }
}

/// Compares a gradient with central differences at up to `samples` entries, spread over all.
///
/// - Parameters:
///   - logits: Where.
///   - loss: Replaces logits by the gradient and returns the loss.
func expectGradient(
  at logits: [Double], samples: Int = 40, tolerance: Double = 1e-7, sourceLocation: SourceLocation = #_sourceLocation,
  _ loss: (inout [Double]) -> Double
) {
  var gradient = logits
  _ = loss(&gradient)
  let largest = gradient.map(abs).max() ?? 0
  #expect(largest > 0, sourceLocation: sourceLocation)
  for sample in 0..<min(samples, logits.count) {
    let index = sample * logits.count / min(samples, logits.count)
    func value(_ shift: Double) -> Double {
      var moved = logits
      moved[index] += shift
      return loss(&moved)
    }
    let numeric = (value(1e-5) - value(-1e-5)) / 2e-5
    #expect(
      abs(numeric - gradient[index]) < tolerance * max(largest, 1e-3), "entry \(index)",
      sourceLocation: sourceLocation)
  }
}

/// Standard normal numbers.
func randomLogits(_ count: Int, seed: UInt64, scale: Double = 1) -> [Double] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in scale * standardNormal(using: &generator) }
}

/// What an objective makes of a batch: its loss, the parts, and the gradient of all logits.
///
/// - Parameters:
///   - logits: [N, K].
///   - labels: Class indices, −1 for background.
func evaluate(
  _ objective: inout some HeadObjective, logits: [Float], labels: [Int32], threads: Int = 1, seed: UInt64 = 0
) throws -> (loss: Double, parts: [Double], gradient: [Float]) {
  let columns = objective.layout.logitCount
  try #require(logits.count == labels.count * columns)
  var generator = SeededGenerator(seed: seed)
  let blocks = objective.blocks(labels: labels, using: &generator)
  let rowsOfBlocks = blocks.map { $0.rows?.map { Int($0) } ?? Array(labels.indices) }
  var buffers = zip(blocks, rowsOfBlocks).map { block, rows in
    rows.flatMap { row in block.logits.map { logits[row * columns + $0] } }
  }
  let pointers = buffers.indices.map { index in
    let pointer = UnsafeMutablePointer<Float>.allocate(capacity: max(1, buffers[index].count))
    pointer.initialize(from: buffers[index], count: buffers[index].count)
    return pointer
  }
  defer { for pointer in pointers { pointer.deallocate() } }
  let parts = objective.backward(
    blocks.indices.map { index in
      BlockLogits(
        values: pointers[index], rowCount: rowsOfBlocks[index].count, columns: blocks[index].logits.count,
        labels: rowsOfBlocks[index].map { labels[$0] })
    }, batchCount: labels.count, threads: threads)
  var gradient = [Float](repeating: 0, count: logits.count)
  for index in blocks.indices {
    buffers[index] = Array(UnsafeBufferPointer(start: pointers[index], count: buffers[index].count))
    for (position, row) in rowsOfBlocks[index].enumerated() {
      for (offset, column) in blocks[index].logits.enumerated() {
        gradient[row * columns + column] = buffers[index][position * blocks[index].logits.count + offset]
      }
    }
  }
  return (parts.reduce(0, +), parts, gradient)
}
