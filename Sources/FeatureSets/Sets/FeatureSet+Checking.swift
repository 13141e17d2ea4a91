import DenseLinearAlgebra
import Dispatch
import Synchronization
import TensorFiles

extension FeatureSet {
  /// Goes through all features on all cores.
  ///
  /// Copying features checks them anyway; this finds a fault before work on the set begins, at the price of reading it
  /// once.
  ///
  /// - Throws: `FeatureSetError` for the first number that is not finite.
  public func checkFeatures() throws {
    let rowsAtATime = max(1, (1 << 18) / featureCount)
    try inParallel(rowsAtATime: rowsAtATime) { shard, rows in
      _ = try features(rows: shard.firstRow + rows.lowerBound..<shard.firstRow + rows.upperBound)
    }
  }

  /// Checks that boxes are finite and x1 <= x2, y1 <= y2.
  func checkBoxes() throws {
    guard hasBoxes else { return }
    try inParallel(rowsAtATime: 1 << 15) { shard, rows in
      let boxes = try boxes(rows: shard.firstRow + rows.lowerBound..<shard.firstRow + rows.upperBound)
      let isInOrder = boxes.withUnsafeBufferPointer { box in
        var isInOrder = true
        for row in 0..<rows.count {
          isInOrder = isInOrder && box[4 * row] <= box[4 * row + 2] && box[4 * row + 1] <= box[4 * row + 3]
        }
        return isInOrder
      }
      if isInOrder { return }
      for row in 0..<rows.count where boxes[4 * row] > boxes[4 * row + 2] || boxes[4 * row + 1] > boxes[4 * row + 3] {
        throw FeatureSetError(
          path: shard.path, tensor: FeatureColumn.boxes.rawValue, row: rows.lowerBound + row, code: .box,
          detail:
            "\(Array(boxes[4 * row..<4 * row + 4])) is no box: x1, y1, x2, y2 with x1 <= x2 and y1 <= y2 is expected")
      }
    }
  }

  /// Runs `body` on pieces of every shard, several at a time; of several errors the first in the set's order is thrown.
  private func inParallel(
    rowsAtATime: Int, _ body: @Sendable (FeatureShard, Range<Int>) throws -> Void
  ) throws {
    let work = shards.flatMap { shard in pieces(of: 0..<shard.rowCount, size: rowsAtATime).map { (shard, $0) } }
    let failure = Mutex<(piece: Int, error: any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: work.count) { piece in
      if let earlier = failure.withLock({ $0?.piece }), earlier < piece { return }
      do {
        try body(work[piece].0, work[piece].1)
      } catch {
        failure.withLock { if piece < $0?.piece ?? .max { $0 = (piece, error) } }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure.error }
  }
}
