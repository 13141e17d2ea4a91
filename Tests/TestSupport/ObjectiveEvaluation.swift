import DenseLinearAlgebra
import DetectionHeads
import HeadLosses

/// What an objective makes of a batch: its loss, the parts, and the gradient of all logits.
///
/// - Parameters:
///   - objective: The loss; what it draws and keeps, it draws and keeps as in training.
///   - logits: [N, K].
///   - labels: Class indices, −1 for background.
///   - threads: As in training.
///   - seed: Of what the objective draws.
public func evaluate(
  _ objective: inout some HeadObjective, logits: [Float], labels: [Int32], threads: Int = 1, seed: UInt64 = 0
) throws -> (loss: Double, parts: [Double], gradient: [Float]) {
  let columns = objective.layout.logitCount
  guard logits.count == labels.count * columns else {
    throw TestDataError(description: "\(logits.count) logits for \(labels.count) rows of \(columns)")
  }
  var generator = SeededGenerator(seed: seed)
  let blocks = objective.blocks(labels: labels, using: &generator)
  let rowsOfBlocks = blocks.map { $0.rows?.map { Int($0) } ?? Array(labels.indices) }
  let pointers = zip(blocks, rowsOfBlocks).map { block, rows in
    let values = rows.flatMap { row in block.logits.map { logits[row * columns + $0] } }
    let pointer = UnsafeMutablePointer<Float>.allocate(capacity: max(1, values.count))
    pointer.initialize(from: values, count: values.count)
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
  for (index, block) in blocks.enumerated() {
    for (place, row) in rowsOfBlocks[index].enumerated() {
      for (offset, column) in block.logits.enumerated() {
        gradient[row * columns + column] = pointers[index][place * block.logits.count + offset]
      }
    }
  }
  return (parts.reduce(0, +), parts, gradient)
}
