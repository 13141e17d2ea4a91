import Communication
import DenseLinearAlgebra
import DetectionHeads
import FeatureSets

/// The division of every batch into shards, and of the shards among processes.
///
/// Each process reads the images of its shards and multiplies their features; logits are handed to all, which then know the
/// loss of the whole batch, and the shards' gradients are summed in the order of a ``ShardTree``. Only the rows that the
/// batch touched travel. What is drawn at random, the loss and the step of the optimiser are the same everywhere.
final class StepSharing {
  let ranks: any Communicator
  let tree: ShardTree
  /// The shards of this process.
  let own: Range<Int>
  /// The nodes of the tree that each process sums, by rank.
  let nodes: [[ShardTree.Node]]
  /// How long this process has sent, received and waited for others.
  private(set) var communicationTime = Duration.zero
  /// Whether this process is asked to stop.
  var isInterrupted: () -> Bool = { false }
  /// Whether some process was when the last step began.
  private(set) var isSomeoneInterrupted = false
  private var lastResult: [UInt64] = [0, 0]
  private let threads: Int
  private let outgoing = ScratchBuffer()
  private let incoming = ScratchBuffer()
  private let flat = ScratchBuffer()
  private let sums = ShardSums()

  init(shardCount: Int, ranks: any Communicator, threads: Int) {
    self.ranks = ranks
    self.threads = threads
    tree = ShardTree(leafCount: shardCount)
    own = evenSlice(of: shardCount, part: ranks.rank, of: ranks.count)
    nodes = (0..<ranks.count).map { [tree] in
      tree.nodes(covering: evenSlice(of: shardCount, part: $0, of: ranks.count))
    }
  }

  // MARK: Who has what

  /// The images of a batch that this process reads, by their places in it.
  func ownImages(of count: Int) -> Range<Int> {
    guard let last = own.last else { return 0..<0 }
    let first = evenSlice(of: count, part: own.lowerBound, of: tree.leafCount).lowerBound
    return first..<evenSlice(of: count, part: last, of: tree.leafCount).upperBound
  }

  /// The examples of every shard.
  ///
  /// - Parameters:
  ///   - images: The examples of every image of the batch.
  ///   - count: The number of examples; those behind the last image's are the last shard's.
  func rows(ofImages images: [Range<Int>], count: Int) -> ShardRows {
    var next = 0
    let shards = (0..<tree.leafCount).map { shard in
      let places = evenSlice(of: images.count, part: shard, of: tree.leafCount)
      let end = shard == tree.leafCount - 1 ? count : places.last.map { images[$0].upperBound } ?? next
      defer { next = end }
      return next..<end
    }
    return ShardRows(shards: shards, own: own)
  }

  /// The sum over each process's shards of what every shard has, by rank.
  private func byRank(_ counts: [Int]) -> [Int] {
    (0..<ranks.count).map { rank in
      evenSlice(of: counts.count, part: rank, of: ranks.count).reduce(0) { $0 + counts[$1] }
    }
  }

  // MARK: Handing over

  private func communicating<Value>(_ body: () throws -> Value) rethrows -> Value {
    let start = ContinuousClock.now
    defer { communicationTime += ContinuousClock.now - start }
    return try body()
  }

  /// Reads what this process is to read of a batch. Where that fails anywhere, all processes stop; they do too where the
  /// step before came to something else on one of them than on another.
  ///
  /// - Throws: What `body` throws where there is one process; else `AgreedError`.
  func reading<Value>(_ body: () throws -> Value) throws -> Value {
    guard ranks.count > 1 else {
      isSomeoneInterrupted = isInterrupted()
      return try body()
    }
    let result = Result { try body() }
    var failure: (any Error)?
    if case .failure(let error) = result { failure = error }
    return try communicating {
      let words = lastResult.flatMap { [UInt32(truncatingIfNeeded: $0), UInt32($0 >> 32)] }
      let all = try ranks.gathered([failure == nil ? 0 : 1, isInterrupted() ? 1 : 0] + words)
      isSomeoneInterrupted = all.contains { $0[1] != 0 }
      if all.contains(where: { $0[0] != 0 }) { try ranks.stopTogether(failure) }
      if let other = all.firstIndex(where: { $0[2...] != all[0][2...] }) {
        throw AgreedError(
          rank: 0,
          description: "process \(other) came to another loss than process 0: their processors or libraries compute "
            + "differently; use machines of one kind")
      }
      return try result.get()
    }
  }

  /// Notes what a step came to, to be compared with the other processes'.
  func note(loss: Double, gradientNorm: Double) { lastResult = [loss.bitPattern, gradientNorm.bitPattern] }

  /// Gives all processes the rows of all shards.
  ///
  /// - Parameters:
  ///   - values: Room for all rows, shard after shard; those of this process's shards are there.
  ///   - counts: The rows of every shard.
  ///   - width: The numbers of a row.
  func gather(_ values: UnsafeMutablePointer<Float>, counts: [Int], width: Int) throws {
    guard ranks.count > 1 else { return }
    try communicating { try ranks.gather(values, counts: byRank(counts).map { $0 * width }) }
  }

  /// Gives all processes the features of some examples of a batch.
  ///
  /// - Parameters:
  ///   - places: The examples, ascending.
  ///   - features: Those of the batch [N, width], of which those of this process's shards are there.
  ///   - rows: The shards.
  func gatherFeatures(
    of places: [Int], in features: UnsafeMutablePointer<Float>, width: Int, rows: ShardRows
  ) throws {
    guard ranks.count > 1 else { return }
    let buffer = incoming.floats(places.count * width)
    let ownRows = rows.ownRows
    for (index, place) in places.enumerated() where ownRows.contains(place) {
      (buffer + index * width).update(from: features + place * width, count: width)
    }
    var next = 0
    let counts = rows.shards.map { shard in
      let first = next
      while next < places.count, places[next] < shard.upperBound { next += 1 }
      return next - first
    }
    try gather(buffer, counts: counts, width: width)
    for (index, place) in places.enumerated() where !ownRows.contains(place) {
      (features + place * width).update(from: buffer + index * width, count: width)
    }
  }

  /// Gives all processes the features of a batch's foreground, which a box regressor learns from.
  func gatherForeground(of batch: RoIBatch, in features: UnsafeMutablePointer<Float>, width: Int) throws {
    try gatherFeatures(
      of: batch.labels.indices.filter { batch.labels[$0] >= 0 }, in: features, width: width,
      rows: rows(ofImages: batch.images, count: batch.labels.count))
  }

  /// Gives all processes the features of a batch.
  func gatherAll(of batch: RoIBatch, in features: UnsafeMutablePointer<Float>, width: Int) throws {
    try gather(
      features, counts: rows(ofImages: batch.images, count: batch.labels.count).shards.map(\.count), width: width)
  }

  /// Sums the gradients of all processes' nodes to that of the batch, in the order of the tree: each process sums a slice.
  ///
  /// - Parameters:
  ///   - gradients: That of every node of this process.
  ///   - segments: The places in them that the batch touched, ascending.
  ///   - deliver: Takes a segment of the sum: the place where it begins and the numbers.
  func sum(
    _ gradients: [UnsafeMutablePointer<Float>], segments: [Range<Int>],
    deliver: (Int, UnsafePointer<Float>, Int) -> Void
  ) throws {
    let total = segments.reduce(0) { $0 + $1.count }
    let slices = (0..<ranks.count).map { evenSlice(of: total, part: $0, of: ranks.count) }
    let mine = slices[ranks.rank].count
    let sent = outgoing.floats(gradients.count * total)
    var next = sent
    for slice in slices {
      for gradient in gradients {
        Self.forEachPiece(of: slice, in: segments) { piece in
          next.update(from: gradient + piece.lowerBound, count: piece.count)
          next += piece.count
        }
      }
    }
    let nodeCount = nodes.reduce(0) { $0 + $1.count }
    let received = incoming.floats(nodeCount * mine)
    try communicating {
      try ranks.exchange(
        sent, counts: slices.map { $0.count * gradients.count }, into: received,
        counts: nodes.map { $0.count * mine })
    }
    // The nodes of all processes, by rank, are in the order of their shards.
    let sum = sums.sum(tree.operations(summing: nodes.flatMap { $0 }), count: mine, threads: threads) { node, target in
      target.update(from: received + node * mine, count: mine)
    }
    let all = flat.floats(total)
    (all + slices[ranks.rank].lowerBound).update(from: sum, count: mine)
    try communicating { try ranks.gather(all, counts: slices.map(\.count)) }
    var place = all
    for segment in segments {
      deliver(segment.lowerBound, place, segment.count)
      place += segment.count
    }
  }

  /// Calls `body` with the pieces of segments that a range of their concatenation is.
  private static func forEachPiece(
    of range: Range<Int>, in segments: [Range<Int>], _ body: (Range<Int>) -> Void
  ) {
    var start = 0
    for segment in segments {
      let piece = range.clamped(to: start..<start + segment.count)
      if !piece.isEmpty {
        let first = segment.lowerBound + piece.lowerBound - start
        body(first..<first + piece.count)
      }
      start += segment.count
    }
  }
}
