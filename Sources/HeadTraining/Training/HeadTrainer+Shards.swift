import Communication
import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

// Steps whose batch is cut into shards, of which this process may have only some.

extension HeadTrainer {
  /// Lets several processes take every step together, each with some of the shards; to be called before the first step, by
  /// all of them with the same head, data and settings.
  ///
  /// - Parameter ranks: The processes.
  /// - Throws: `LinearHeadError` where the settings cut batches into no shards, or a dense head is trained.
  public func share(among ranks: any Communicator) throws {
    guard ranks.count > 1 else { return }
    try checkSharing()
    guard let shards = settings.shards else {
      throw LinearHeadError(.badSetting, "several processes need a number of shards that batches are cut into")
    }
    try setSharing(StepSharing(shardCount: shards, ranks: ranks, threads: settings.threads))
  }

  /// The time that this process sent, received and waited for others; 0 where it works by itself.
  public var communicationTime: Duration { sharing?.communicationTime ?? .zero }

  /// Forward and backward of a batch in shards: leaves the gradients in the parameters.
  ///
  /// - Returns: The parts of the loss.
  func setGradients(
    _ blocks: [LogitBlock], features: UnsafeMutablePointer<Float>, labels: [Int32], rows: ShardRows,
    sharing: StepSharing, lap: inout ContinuousClock.Instant
  ) throws -> [Double] {
    let head = self.head
    let normalized = cosines?.normalize(head)
    var inputs = features
    if let cosines { inputs = cosines.normalize(features, rows: rows.ownRows, inputs: head.inputs) }
    if !head.hidden.isEmpty { inputs = hiddenFeatures(of: features, rows: rows, head: head) }
    let (logits, counts) = products.forward(
      blocks, shards: rows, features: inputs, labels: labels, head: normalized ?? head)
    for (block, counts) in zip(logits, counts) {
      try sharing.gather(block.values, counts: counts, width: block.columns)
    }
    times.add(.forward, since: &lap)
    let losses = objective.backward(logits, batchCount: labels.count, threads: settings.threads)
    times.add(.loss, since: &lap)
    let ofNodes = sharing.nodes[sharing.ranks.rank]
    let orders = ofNodes.map { node in
      let leaves = sharing.tree.leaves(of: node)
      return sharing.tree.operations(summing: leaves.map { ShardTree.Node(level: 0, index: $0) }).map { operation in
        if case .push(let place) = operation {
          ShardTree.Operation.push(place + leaves.lowerBound - sharing.own.lowerBound)
        } else {
          operation
        }
      }
    }
    if sharing.ranks.count == 1 {
      multiplyAlone(orders, rows: rows, head: head, batchCount: labels.count)
    } else {
      try multiplyTogether(orders, blocks: blocks, rows: rows, head: head, batchCount: labels.count, sharing: sharing)
    }
    if let normalized {
      classifier.withGradient(ofLayerAt: 0) { cosines?.project($0, normalized: normalized, head: head) }
    }
    times.add(.backward, since: &lap)
    return losses
  }

  /// The gradients of all shards, summed where the optimiser takes them.
  private func multiplyAlone(
    _ orders: [[ShardTree.Operation]], rows: ShardRows, head: LinearHead, batchCount: Int
  ) {
    let trained = objective.trainedRows
    classifier.withGradient(ofLayerAt: 0) { gradient in
      products.backward(
        nodes: orders, into: [gradient], inputs: head.weight.columns, logitCount: head.bias.count, trained: trained)
    }
    guard !head.hidden.isEmpty else { return }
    let layout = GradientLayout(classifier.parameters.prefix(headParameterCount))
    let sum = hiddenGradients(orders[0], layout: layout, rows: rows, head: head, batchCount: batchCount)
    for index in 2..<headParameterCount {
      classifier.parameters[index].gradient.withUnsafeMutableValues {
        $0.baseAddress?.update(from: sum + layout.starts[index] - layout.starts[2], count: $0.count)
      }
    }
  }

  /// The gradients of this process's nodes, summed with those of the others.
  private func multiplyTogether(
    _ orders: [[ShardTree.Operation]], blocks: [LogitBlock], rows: ShardRows, head: LinearHead, batchCount: Int,
    sharing: StepSharing
  ) throws {
    let layout = GradientLayout(classifier.parameters.prefix(headParameterCount))
    let (inputs, logitCount) = (head.weight.columns, head.bias.count)
    while nodeGradients.count < orders.count { nodeGradients.append(ScratchBuffer()) }
    let gradients = orders.indices.map { nodeGradients[$0].floats(layout.count) }
    products.backward(
      nodes: orders, into: gradients.map { LayerGradient(weight: $0, bias: $0 + layout.starts[1]) }, inputs: inputs,
      logitCount: logitCount, trained: objective.trainedRows)
    if !head.hidden.isEmpty {
      for (order, gradient) in zip(orders, gradients) {
        let sum = hiddenGradients(order, layout: layout, rows: rows, head: head, batchCount: batchCount)
        (gradient + layout.starts[2]).update(from: sum, count: layout.count - layout.starts[2])
      }
    }
    classifier.withGradient(ofLayerAt: 0) { gradient in
      for gap in products.untouched(of: logitCount) {
        (gradient.weight + gap.lowerBound * inputs).update(repeating: 0, count: gap.count * inputs)
        (gradient.bias + gap.lowerBound).update(repeating: 0, count: gap.count)
      }
    }
    let touched = layout.segments(ofLogits: blocks.map { $0.logits.clamped(to: objective.trainedRows) }, inputs: inputs)
    try sharing.sum(gradients, segments: touched) { start, values, count in
      let index = layout.parameter(at: start)
      classifier.parameters[index].gradient.withUnsafeMutableValues {
        $0.baseAddress.map { $0 + start - layout.starts[index] }?.update(from: values, count: count)
      }
    }
  }

  // MARK: Hidden layers

  /// The input of the classifier: each shard goes through the layers by itself, so that its numbers do not depend on who
  /// has it.
  private func hiddenFeatures(
    of features: UnsafeMutablePointer<Float>, rows: ShardRows, head: LinearHead
  ) -> UnsafeMutablePointer<Float> {
    let width = head.weight.columns
    let result = extendedFeatures.floats(max(1, rows.shards.last?.upperBound ?? 0) * width)
    while shardHidden.count < rows.own.count {
      shardHidden.append(HiddenLayerProducts(layerCount: head.hidden.count, threads: settings.threads))
    }
    for (products, shard) in zip(shardHidden, rows.shards[rows.own]) {
      let output = products.forward(
        head.hidden, features: features + shard.lowerBound * head.inputs, count: shard.count)
      (result + shard.lowerBound * width).update(from: output, count: shard.count * width)
    }
    return result
  }

  /// The gradients of the layers below the classifier, one behind the other, summed over shards.
  private func hiddenGradients(
    _ order: [ShardTree.Operation], layout: GradientLayout, rows: ShardRows, head: LinearHead, batchCount: Int
  ) -> UnsafeMutablePointer<Float> {
    let outputGradient = products.featureGradient(head: head, batchCount: batchCount)
    let first = layout.starts[2]
    return hiddenSums.sum(order, count: layout.count - first, threads: settings.threads) { place, target in
      let shard = rows.shards[rows.own.lowerBound + place]
      shardHidden[place].backward(
        head.hidden, outputGradient: outputGradient + shard.lowerBound * head.weight.columns
      ) { layer, body in
        body(
          LayerGradient(
            weight: target + layout.starts[2 + 2 * layer] - first, bias: target + layout.starts[3 + 2 * layer] - first))
      }
    }
  }
}

/// The gradients of all parameters of a head, one behind the other.
struct GradientLayout {
  /// Where each begins.
  let starts: [Int]
  /// The numbers of all.
  let count: Int

  init(_ parameters: some Sequence<Parameter>) {
    var (starts, next): ([Int], Int) = ([], 0)
    for parameter in parameters {
      starts.append(next)
      next += parameter.values.rows * parameter.values.columns
    }
    (self.starts, count) = (starts, next)
  }

  /// The parameter that a number belongs to.
  func parameter(at place: Int) -> Int { (starts.lastIndex { $0 <= place }) ?? 0 }

  /// The numbers of the classifier's rows for some logits, and those of all layers below it.
  func segments(ofLogits ranges: [Range<Int>], inputs: Int) -> [Range<Int>] {
    var rows: [Range<Int>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      if let last = rows.last, range.lowerBound <= last.upperBound {
        rows[rows.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        rows.append(range)
      }
    }
    let below = zip(starts, starts.dropFirst() + [count]).dropFirst(2).map { $0..<$1 }
    return rows.map { $0.lowerBound * inputs..<$0.upperBound * inputs }
      + rows.map { starts[1] + $0.lowerBound..<starts[1] + $0.upperBound } + below
  }
}
