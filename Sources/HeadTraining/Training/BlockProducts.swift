import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads
import HeadLosses

/// The products between features and weight that the blocks of a batch need, and no others.
///
/// Shapes: N RoIs in the batch, D features, K logits; a block takes R of the RoIs and J of the logits. The operands are
/// packed once for all threads; then the tiles of all blocks' products stand in one queue, from which every thread takes
/// the next. A number is summed in the same order in any tile, so that it does not depend on the threads.
final class BlockProducts {
  let panels = ScratchBuffer()
  let weights = ScratchBuffer()
  let logits = ScratchBuffer()
  let strips = ScratchBuffer()
  private let featureGradient = ScratchBuffer()
  private let blockFeatureGradient = ScratchBuffer()
  /// What only batches need that are cut into shards.
  let shardBiases = ScratchBuffer()
  let biasSums = ShardSums()
  let threads: Int
  let precision: ProductPrecision
  /// Of a batch in shards, the blocks of one shard after those of another.
  var placed: [PlacedBlock] = []
  /// The blocks of a shard.
  var blockCount = 0
  var inputs = 0

  init(threads: Int, precision: ProductPrecision) {
    self.threads = threads
    self.precision = precision
  }

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
    inputs = head.weight.columns
    let batch = Batch(
      features: features, stride: inputs * head.layout.stageCount, count: labels.count,
      stageCount: head.layout.stageCount)
    place(blocks, of: batch, logitCount: head.bias.count)
    head.weight.withUnsafeValues { weight in
      head.bias.withUnsafeBufferPointer { bias in
        guard let weight = weight.baseAddress, let bias = bias.baseAddress else { return }
        pack(batch, weight: weight, weightsOf: placed.count)
        let tiles = ProductTiles.forward(placed, threads: threads)
        inParallel(count: tiles.count, threads: threads) { index in
          let tile = tiles[index]
          placed[tile.block].multiplyForward(rows: tile.rows, panels: tile.panels, inputs: inputs, bias: bias)
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
    let gaps = untouched(of: logitCount)
    let strips = ProductTiles.strips(placed, trained: trained)
    inParallel(count: strips.count + gaps.count, threads: threads) { index in
      if index < strips.count {
        placed[strips[index].block].packGradient(strip: strips[index].strip, trained: trained, bias: gradient.bias)
      } else {
        let gap = gaps[index - strips.count]
        (gradient.weight + gap.lowerBound * inputs).update(repeating: 0, count: gap.count * inputs)
        (gradient.bias + gap.lowerBound).update(repeating: 0, count: gap.count)
      }
    }
    let tiles = ProductTiles.backward(placed, trained: trained, inputs: inputs, threads: threads)
    inParallel(count: tiles.count, threads: threads) { index in
      let tile = tiles[index]
      placed[tile.block].multiplyBackward(
        logits: tile.rows, panels: tile.panels, inputs: inputs, trained: trained, into: gradient.weight)
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

  /// The features of a batch as they were gathered.
  struct Batch {
    let features: UnsafeMutablePointer<Float>
    /// From a row to the next.
    let stride: Int
    let count: Int
    let stageCount: Int
  }

  /// Finds a place for every block; those that take all RoIs of a stage share their packed features.
  private func place(_ blocks: [LogitBlock], of batch: Batch, logitCount: Int) {
    check(blocks, batch, logitCount: logitCount)
    let panelCount = (inputs + PlacedBlock.panel - 1) / PlacedBlock.panel
    let counts = blocks.map { $0.rowCount(batchCount: batch.count) }
    let stages = Set(blocks.lazy.filter { $0.rows == nil }.map(\.stage)).sorted()
    func size(_ rowCount: Int) -> Int { PlacedBlock.packedCount(rowCount) * panelCount * PlacedBlock.panel }
    var nextPanels = panels.floats(
      zip(blocks, counts).reduce(stages.count * size(batch.count)) { $0 + ($1.0.rows == nil ? 0 : size($1.1)) })
    var ofStage = [UnsafeMutablePointer<Float>?](repeating: nil, count: batch.stageCount)
    for stage in stages {
      ofStage[stage] = nextPanels
      nextPanels += size(batch.count)
    }
    func weightSize(_ block: LogitBlock) -> Int {
      (block.logits.count + PlacedBlock.panel - 1) / PlacedBlock.panel * panelCount * PlacedBlock.panel
        * PlacedBlock.panel
    }
    func stripSize(_ block: LogitBlock, _ rowCount: Int) -> Int {
      (block.logits.count + PlacedBlock.strip - 1) / PlacedBlock.strip * PlacedBlock.strip * rowCount
    }
    var nextWeights = weights.floats(blocks.reduce(0) { $0 + weightSize($1) })
    var nextLogits = logits.floats(zip(blocks, counts).reduce(0) { $0 + $1.0.logits.count * $1.1 })
    var nextStrips = strips.floats(zip(blocks, counts).reduce(0) { $0 + stripSize($1.0, $1.1) })
    placed.removeAll(keepingCapacity: true)
    for (block, count) in zip(blocks, counts) {
      placed.append(
        PlacedBlock(
          block: block, precision: precision, rowCount: count,
          panels: block.rows == nil ? ofStage[block.stage] ?? nextPanels : nextPanels,
          weights: nextWeights, logits: nextLogits, strips: nextStrips))
      if block.rows != nil { nextPanels += size(count) }
      nextWeights += weightSize(block)
      nextLogits += count * block.logits.count
      nextStrips += stripSize(block, count)
    }
  }

  func check(_ blocks: [LogitBlock], _ batch: Batch, logitCount: Int) {
    for block in blocks {
      precondition(
        block.logits.lowerBound >= 0 && block.logits.upperBound <= logitCount
          && (0..<batch.stageCount).contains(block.stage)
          && block.rows?.allSatisfy { (0..<batch.count).contains(Int($0)) } ?? true,
        "a loss asked for logits \(block.logits) of \(logitCount), or for examples beyond the \(batch.count) of the batch"
      )
    }
  }

  /// Packs X once for each set of rows and W once for each block.
  ///
  /// - Parameter count: The placed blocks whose weight is packed: the others share theirs.
  func pack(_ batch: Batch, weight: UnsafePointer<Float>, weightsOf count: Int) {
    var sources: [PlacedBlock] = []
    for place in placed where place.block.rows != nil || !sources.contains(where: { $0.panels == place.panels }) {
      sources.append(place)
    }
    let rows = ProductTiles.rowsToPack(sources)
    let panels = ProductTiles.weightPanels(Array(placed.prefix(count)))
    inParallel(count: rows.count + panels.count, threads: threads) { index in
      if index < rows.count {
        let source = sources[rows[index].block]
        source.packRows(
          rows[index].rows, of: batch.features + source.block.stage * inputs, stride: batch.stride, inputs: inputs)
      } else {
        let tile = panels[index - rows.count]
        placed[tile.block].packWeights(panel: tile.panel, weight: weight, inputs: inputs)
      }
    }
  }

  /// The logits outside every block, cut so that threads can share them: they have no gradient.
  func untouched(of logitCount: Int) -> [Range<Int>] {
    var gaps: [Range<Int>] = []
    var next = 0
    for slice in placed.map(\.block.logits).sorted(by: { $0.lowerBound < $1.lowerBound })
      + [logitCount..<logitCount]
    where slice.lowerBound >= next {
      gaps += stride(from: next, to: slice.lowerBound, by: 64).map { $0..<min($0 + 64, slice.lowerBound) }
      next = slice.upperBound
    }
    return gaps
  }
}
