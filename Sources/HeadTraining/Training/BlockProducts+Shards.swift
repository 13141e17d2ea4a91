import DenseLinearAlgebra
import DetectionHeads
import HeadLosses

/// The examples of a batch that belong to each shard: adjacent rows, shard after shard.
struct ShardRows {
  /// The rows of every shard.
  let shards: [Range<Int>]
  /// The shards of this process.
  let own: Range<Int>
  /// The rows of its shards.
  var ownRows: Range<Int> {
    own.isEmpty ? 0..<0 : shards[own.lowerBound].lowerBound..<shards[own.upperBound - 1].upperBound
  }
}

// The products of a batch that is cut into shards, of which this process has some. Shapes as in `BlockProducts`.

extension BlockProducts {
  /// Z = X Wᵀ + b of the rows of this process's shards, in blocks that have room for those of all.
  ///
  /// - Parameters:
  ///   - blocks: What the objective asked for.
  ///   - rows: The shards.
  ///   - features: X of the batch, of which the rows of this process's shards are there.
  ///   - labels: The labels of the batch.
  ///   - head: W and b.
  /// - Returns: The logits of every block, and the number of its rows in each shard.
  func forward(
    _ blocks: [LogitBlock], shards rows: ShardRows, features: UnsafeMutablePointer<Float>, labels: [Int32],
    head: LinearHead
  ) -> (logits: [BlockLogits], counts: [[Int]]) {
    inputs = head.weight.columns
    let stages = head.layout.stageCount
    let batch = Batch(features: features, stride: inputs * stages, count: labels.count, stageCount: stages)
    check(blocks, batch, logitCount: head.bias.count)
    let parts = blocks.map { block in rows.shards.map { Self.part(of: block, in: $0) } }
    let logits = placeShards(blocks, parts: parts, own: rows.own, labels: labels)
    head.weight.withUnsafeValues { weight in
      head.bias.withUnsafeBufferPointer { bias in
        guard let weight = weight.baseAddress, let bias = bias.baseAddress else { return }
        pack(batch, weight: weight, weightsOf: blocks.count)
        let tiles = ProductTiles.forward(placed, threads: threads)
        inParallel(count: tiles.count, threads: threads) { index in
          let tile = tiles[index]
          placed[tile.block].multiplyForward(rows: tile.rows, panels: tile.panels, inputs: inputs, bias: bias)
        }
      }
    }
    return (logits, parts.map { $0.map(\.count) })
  }

  /// dW = dZᵀ X and db = Σ_rows dZ of every node of the tree of shards, from the gradient that stands where the logits
  /// stood; 0 for logits that no block has.
  ///
  /// A piece of dW is made shard after shard and summed in the cache, so that it is written once.
  ///
  /// - Parameters:
  ///   - nodes: For every node, the order in which shards of this process are summed, by their places among them.
  ///   - gradients: dW [K, D] and db [K] of every node, overwritten.
  ///   - inputs: D.
  ///   - logitCount: K.
  ///   - trained: The logits whose gradient is wanted.
  func backward(
    nodes: [[ShardTree.Operation]], into gradients: [LayerGradient], inputs: Int, logitCount: Int,
    trained: Range<Int>
  ) {
    let shardCount = nodes.reduce(0) { $0 + $1.count { if case .push = $0 { true } else { false } } }
    let blocks = Array(placed.prefix(blockCount))
    let gaps = untouched(of: logitCount)
    let biases = shardBiases.floats(shardCount * logitCount)
    biases.update(repeating: 0, count: shardCount * logitCount)
    let strips = ProductTiles.strips(placed, trained: trained)
    inParallel(count: strips.count + gaps.count, threads: threads) { index in
      if index < strips.count {
        let strip = strips[index]
        placed[strip.block].packGradient(
          strip: strip.strip, trained: trained, bias: biases + strip.block / blockCount * logitCount)
      } else {
        let gap = gaps[index - strips.count]
        for gradient in gradients {
          (gradient.weight + gap.lowerBound * inputs).update(repeating: 0, count: gap.count * inputs)
        }
      }
    }
    for (operations, gradient) in zip(nodes, gradients) {
      let sum = biasSums.sum(operations, count: logitCount, threads: 1) { shard, target in
        target.update(from: biases + shard * logitCount, count: logitCount)
      }
      gradient.bias.update(from: sum, count: logitCount)
    }
    let panels = (inputs + PlacedBlock.panel - 1) / PlacedBlock.panel
    let perNode = blocks.count * panels
    inParallel(count: nodes.count * perNode, threads: threads) { index in
      let (node, rest) = index.quotientAndRemainder(dividingBy: perNode)
      let (block, panel) = rest.quotientAndRemainder(dividingBy: panels)
      let parts = (0..<shardCount).map { placed[$0 * blockCount + block] }
      PlacedBlock.multiplyBackward(
        parts, summing: nodes[node], panel: panel, inputs: inputs, trained: trained, into: gradients[node].weight)
    }
  }

  /// The rows of a block that are in a shard.
  private static func part(of block: LogitBlock, in shard: Range<Int>) -> [Int32] {
    guard let rows = block.rows else { return shard.map { Int32($0) } }
    // Ascending.
    func place(_ row: Int) -> Int {
      var (low, high) = (0, rows.count)
      while low < high {
        let middle = (low + high) / 2
        if Int(rows[middle]) < row { low = middle + 1 } else { high = middle }
      }
      return low
    }
    return Array(rows[place(shard.lowerBound)..<place(shard.upperBound)])
  }

  /// Finds a place for every block of every shard of this process. The logits of a block stand shard after shard, those of
  /// other processes' shards among them; its packed weight is all shards'.
  private func placeShards(
    _ blocks: [LogitBlock], parts: [[[Int32]]], own: Range<Int>, labels: [Int32]
  ) -> [BlockLogits] {
    let panelCount = (inputs + PlacedBlock.panel - 1) / PlacedBlock.panel
    func rowsSize(_ count: Int) -> Int { PlacedBlock.packedCount(count) * panelCount * PlacedBlock.panel }
    func weightSize(_ block: LogitBlock) -> Int {
      (block.logits.count + PlacedBlock.panel - 1) / PlacedBlock.panel * panelCount * PlacedBlock.panel
        * PlacedBlock.panel
    }
    func stripSize(_ block: LogitBlock, _ count: Int) -> Int {
      (block.logits.count + PlacedBlock.strip - 1) / PlacedBlock.strip * PlacedBlock.strip * count
    }
    let ownParts = parts.map { $0[own] }
    var nextPanels = panels.floats(ownParts.reduce(0) { $0 + $1.reduce(0) { $0 + rowsSize($1.count) } })
    var nextWeights = weights.floats(blocks.reduce(0) { $0 + weightSize($1) })
    var nextStrips = strips.floats(
      zip(blocks, ownParts).reduce(0) { sum, pair in
        sum + pair.1.reduce(0) { $0 + stripSize(pair.0, $1.count) }
      })
    let counts = parts.map { $0.reduce(0) { $0 + $1.count } }
    var nextLogits = logits.floats(zip(blocks, counts).reduce(0) { $0 + $1.0.logits.count * $1.1 })
    var result: [BlockLogits] = []
    var ofBlock: [(weights: UnsafeMutablePointer<Float>, logits: UnsafeMutablePointer<Float>)] = []
    for (index, block) in blocks.enumerated() {
      let before = parts[index][..<own.lowerBound].reduce(0) { $0 + $1.count }
      ofBlock.append((nextWeights, nextLogits + before * block.logits.count))
      result.append(
        BlockLogits(
          values: nextLogits, rowCount: counts[index], columns: block.logits.count,
          labels: block.rows?.map { labels[Int($0)] } ?? labels, rows: block.rows))
      nextWeights += weightSize(block)
      nextLogits += counts[index] * block.logits.count
    }
    placed.removeAll(keepingCapacity: true)
    blockCount = blocks.count
    for shard in own {
      for (index, block) in blocks.enumerated() {
        let rows = parts[index][shard]
        placed.append(
          PlacedBlock(
            block: LogitBlock(logits: block.logits, rows: rows, stage: block.stage), precision: precision,
            rowCount: rows.count,
            panels: nextPanels, weights: ofBlock[index].weights, logits: ofBlock[index].logits, strips: nextStrips))
        nextPanels += rowsSize(rows.count)
        nextStrips += stripSize(block, rows.count)
        ofBlock[index].logits += rows.count * block.logits.count
      }
    }
    return result
  }
}

extension PlacedBlock {
  /// A panel of dW of one block, summed over shards in the order of their tree.
  ///
  /// - Parameters:
  ///   - parts: The block's rows in every shard of this process.
  ///   - operations: The order.
  ///   - panel: The panel of features.
  ///   - weight: dW [K, D].
  static func multiplyBackward(
    _ parts: [PlacedBlock], summing operations: [ShardTree.Operation], panel: Int, inputs: Int, trained: Range<Int>,
    into weight: UnsafeMutablePointer<Float>
  ) {
    guard let block = parts.first else { return }
    let wanted = block.wanted(trained)
    let column = panel * Self.panel
    let columns = min(Self.panel, inputs - column)
    let size = strip * Self.panel
    let depth = 2 + (Int.bitWidth - parts.count.leadingZeroBitCount)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: size * depth) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      scratch.initialize(repeating: 0, count: size * depth)
      for first in stride(from: 0, to: wanted.count, by: strip) {
        let count = min(strip, wanted.count - first)
        var top = scratch
        for operation in operations {
          switch operation {
          case .push(let place):
            parts[place].multiplyBackward(
              logits: first..<first + count, panel: panel, inputs: inputs, into: top, stride: Self.panel)
            top += size
          case .add:
            top -= size
            let (sum, more) = (top - size, top)
            for index in 0..<size { sum[index] += more[index] }
          }
        }
        let target = weight + (block.block.logits.lowerBound + wanted.lowerBound + first) * inputs + column
        for logit in 0..<count {
          (target + logit * inputs).update(from: scratch + logit * Self.panel, count: columns)
        }
      }
    }
  }
}
