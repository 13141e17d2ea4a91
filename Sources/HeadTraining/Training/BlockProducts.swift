import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads
import HeadLosses

/// The products between features and weight that the blocks of a batch need, and no others.
///
/// Shapes: N RoIs in the batch, D features, K logits; a block takes R of the RoIs and J of the logits. Each thread takes
/// its share of every block's rows forward and of its logits backward, with OpenBLAS on one thread: two parallel regions
/// a step instead of one for every product.
final class BlockProducts {
  private let gathered = ScratchBuffer()
  private let logits = ScratchBuffer()
  private let featureGradient = ScratchBuffer()
  private let blockFeatureGradient = ScratchBuffer()
  private let threads: Int

  /// A block and where it stands in the buffers.
  private struct PlacedBlock {
    let block: LogitBlock
    let rowCount: Int
    /// X of the block [R, D]: its own rows gathered, or the batch itself.
    let features: UnsafeMutablePointer<Float>
    /// From a row of X to the next.
    let stride: Int
    /// Z of the block [R, J], later its gradient.
    let logits: UnsafeMutablePointer<Float>
  }
  private var placed: [PlacedBlock] = []

  init(threads: Int) { self.threads = threads }

  /// Z = X Wᵀ + b of every block.
  ///
  /// - Parameters:
  ///   - blocks: What the objective asked for.
  ///   - features: X of the batch [N, D]; [N, S · D] where the head has S stages.
  ///   - labels: The labels of the batch.
  ///   - head: W and b.
  /// - Returns: The logits of every block, valid until the next call.
  func forward(
    _ blocks: [LogitBlock], features: UnsafeMutablePointer<Float>, labels: [Int32], head: LinearHead
  ) -> [BlockLogits] {
    let inputs = head.weight.columns
    let stride = inputs * head.layout.stageCount
    place(
      blocks, features: features, batchCount: labels.count, inputs: inputs, stride: stride,
      logitCount: head.bias.count, stageCount: head.layout.stageCount)
    head.weight.withUnsafeValues { weight in
      head.bias.withUnsafeBufferPointer { bias in
        guard let weight = weight.baseAddress, let bias = bias.baseAddress else { return }
        inParallel(parts: threads) { part in
          for place in placed {
            let share = evenSlice(of: place.rowCount, part: part, of: threads)
            gather(place, share: share, from: features, inputs: inputs, stride: stride)
            multiply(place, share: share, weight: weight, bias: bias, inputs: inputs)
          }
        }
      }
    }
    return placed.map { place in
      BlockLogits(
        values: place.logits, rowCount: place.rowCount, columns: place.block.logits.count,
        labels: place.block.rows?.map { labels[Int($0)] } ?? labels, rows: place.block.rows)
    }
  }

  /// dW = dZᵀ X and db = Σ_rows dZ of every block, from the gradient that stands where the logits stood; 0 for logits
  /// that no block has.
  ///
  /// - Parameters:
  ///   - gradient: dW [K, D] and db [K], overwritten.
  ///   - inputs: D.
  ///   - logitCount: K.
  ///   - trained: The logits whose gradient is wanted; that of others is not computed.
  func backward(into gradient: LayerGradient, inputs: Int, logitCount: Int, trained: Range<Int>) {
    clearUntouched(gradient, logitCount: logitCount, inputs: inputs)
    inParallel(parts: threads) { part in
      for place in placed {
        let columns = place.block.logits.count
        let wanted = place.block.logits.clamped(to: trained)
        let slice = evenSlice(of: wanted.count, part: part, of: threads)
        if slice.isEmpty { continue }
        let first = wanted.lowerBound + slice.lowerBound
        let start = first - place.block.logits.lowerBound
        let share = start..<start + slice.count
        Float.multiply(
          rows: share.count, columns: inputs, inner: place.rowCount, alpha: 1,
          place.logits + share.lowerBound, stride: columns, transposed: true,
          place.features, stride: place.stride, transposed: false,
          beta: 0, into: gradient.weight + first * inputs, stride: inputs)
        bags_column_sums(
          place.logits + share.lowerBound, place.rowCount, columns, share.count, gradient.bias + first)
      }
    }
  }

  /// dX = Σ_blocks dZ W, from the gradient that stands where the logits stood: what the layers below learn from.
  ///
  /// - Parameters:
  ///   - head: W, of one stage.
  ///   - batchCount: N.
  /// - Returns: [N, D], valid until the next call.
  func featureGradient(head: LinearHead, batchCount: Int) -> UnsafeMutablePointer<Float> {
    let inputs = head.weight.columns
    let result = featureGradient.floats(batchCount * inputs)
    result.update(repeating: 0, count: batchCount * inputs)
    let ofBlock = blockFeatureGradient.floats(batchCount * inputs)
    head.weight.withUnsafeValues { weight in
      guard let weight = weight.baseAddress else { return }
      for place in placed {
        // The RoIs of a block are distinct, so threads write to rows of their own.
        inParallel(parts: threads) { part in
          let share = evenSlice(of: place.rowCount, part: part, of: threads)
          let columns = place.block.logits.count
          Float.multiply(
            rows: share.count, columns: inputs, inner: columns, alpha: 1,
            place.logits + share.lowerBound * columns, stride: columns, transposed: false,
            weight + place.block.logits.lowerBound * inputs, stride: inputs, transposed: false,
            beta: 0, into: ofBlock + share.lowerBound * inputs, stride: inputs)
          for position in share {
            let row = place.block.rows.map { Int($0[position]) } ?? position
            let (from, to) = (ofBlock + position * inputs, result + row * inputs)
            for column in 0..<inputs { to[column] += from[column] }
          }
        }
      }
    }
    return result
  }

  private func place(
    _ blocks: [LogitBlock], features: UnsafeMutablePointer<Float>, batchCount: Int, inputs: Int, stride: Int,
    logitCount: Int, stageCount: Int
  ) {
    let counts = blocks.map { $0.rowCount(batchCount: batchCount) }
    for block in blocks {
      precondition(
        block.logits.lowerBound >= 0 && block.logits.upperBound <= logitCount && (0..<stageCount).contains(block.stage)
          && block.rows?.allSatisfy { (0..<batchCount).contains(Int($0)) } ?? true,
        "a loss asked for logits \(block.logits) of \(logitCount), or for examples beyond the \(batchCount) of the batch"
      )
    }
    var nextFeatures = gathered.floats(zip(blocks, counts).reduce(0) { $0 + ($1.0.rows == nil ? 0 : $1.1 * inputs) })
    var nextLogits = logits.floats(zip(blocks, counts).reduce(0) { $0 + $1.0.logits.count * $1.1 })
    placed = zip(blocks, counts).map { block, count in
      defer {
        nextLogits += count * block.logits.count
        if block.rows != nil { nextFeatures += count * inputs }
      }
      return PlacedBlock(
        block: block, rowCount: count,
        features: block.rows == nil ? features + block.stage * inputs : nextFeatures,
        stride: block.rows == nil ? stride : inputs, logits: nextLogits)
    }
  }

  private func gather(
    _ place: PlacedBlock, share: Range<Int>, from features: UnsafeMutablePointer<Float>, inputs: Int, stride: Int
  ) {
    guard let rows = place.block.rows else { return }
    let features = features + place.block.stage * inputs
    for position in share {
      (place.features + position * inputs).update(from: features + Int(rows[position]) * stride, count: inputs)
    }
  }

  private func multiply(
    _ place: PlacedBlock, share: Range<Int>, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>, inputs: Int
  ) {
    let slice = place.block.logits
    let columns = slice.count
    for row in share { (place.logits + row * columns).update(from: bias + slice.lowerBound, count: columns) }
    Float.multiply(
      rows: share.count, columns: columns, inner: inputs, alpha: 1,
      place.features + share.lowerBound * place.stride, stride: place.stride, transposed: false,
      weight + slice.lowerBound * inputs, stride: inputs, transposed: true,
      beta: 1, into: place.logits + share.lowerBound * columns, stride: columns)
  }

  /// Logits outside every block have no gradient.
  private func clearUntouched(_ gradient: LayerGradient, logitCount: Int, inputs: Int) {
    var next = 0
    for slice in placed.map(\.block.logits).sorted(by: { $0.lowerBound < $1.lowerBound })
      + [logitCount..<logitCount]
    where slice.lowerBound >= next {
      let gap = next..<slice.lowerBound
      (gradient.weight + gap.lowerBound * inputs).update(repeating: 0, count: gap.count * inputs)
      (gradient.bias + gap.lowerBound).update(repeating: 0, count: gap.count)
      next = slice.upperBound
    }
  }
}
