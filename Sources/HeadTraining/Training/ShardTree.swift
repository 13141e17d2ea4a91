import DenseLinearAlgebra

/// The fixed order in which what the shards of a batch came to is summed: neighbours first, then neighbouring pairs, and
/// so on, a binary tree over the shards. Whoever has all shards below a node can sum that node by itself, so that a
/// process hands on one sum, or few, whatever the number of its shards, and the bytes are the same for any number of
/// processes.
struct ShardTree: Equatable {
  /// The number of shards.
  let leafCount: Int

  /// A node: the shards from index · 2^level on, 2^level of them or those that there are.
  struct Node: Equatable {
    let level: Int
    let index: Int
  }

  /// The largest nodes that hold shards of a range and no others, in their order.
  func nodes(covering shards: Range<Int>) -> [Node] {
    var nodes: [Node] = []
    var next = shards.lowerBound
    while next < shards.upperBound {
      var node = Node(level: 0, index: next)
      while true {
        let above = Node(level: node.level + 1, index: node.index / 2)
        let leaves = self.leaves(of: above)
        guard leaves.lowerBound == next, leaves.upperBound <= shards.upperBound, leaves != self.leaves(of: node)
        else { break }
        node = above
      }
      nodes.append(node)
      next = leaves(of: node).upperBound
    }
    return nodes
  }

  /// The shards below a node.
  func leaves(of node: Node) -> Range<Int> {
    min(node.index << node.level, leafCount)..<min((node.index + 1) << node.level, leafCount)
  }

  /// A step of summing adjacent nodes.
  enum Operation: Equatable {
    /// The next one is put on the stack: the node at a place among those that are summed.
    case push(Int)
    /// The uppermost of the stack is added to the one below it, and goes.
    case add
  }

  /// The steps that sum adjacent nodes to one: those of the tree.
  ///
  /// - Parameter nodes: In their order; together they hold all shards of one node.
  func operations(summing nodes: [Node]) -> [Operation] {
    var operations: [Operation] = []
    var stack: [Range<Int>] = []
    for (place, node) in nodes.enumerated() {
      operations.append(.push(place))
      stack.append(leaves(of: node))
      // Two are neighbours in the tree where they fill a node that neither fills alone, and the later one is complete.
      while stack.count > 1, isPair(stack[stack.count - 2], stack[stack.count - 1]) {
        operations.append(.add)
        let upper = stack.removeLast()
        stack[stack.count - 1] = stack[stack.count - 1].lowerBound..<upper.upperBound
      }
    }
    return operations + Array(repeating: .add, count: max(0, stack.count - 1))
  }

  /// Whether two adjacent ranges are the two halves of a node.
  private func isPair(_ first: Range<Int>, _ second: Range<Int>) -> Bool {
    var size = 1
    while size < first.count { size *= 2 }
    guard first.count == size, first.lowerBound % (2 * size) == 0 else { return false }
    return second.upperBound == min(first.lowerBound + 2 * size, leafCount)
  }
}

/// Memory for the sums of a ``ShardTree``, level by level.
final class ShardSums {
  private var stack: [ScratchBuffer] = []

  /// Sums arrays in the order of the tree.
  ///
  /// - Parameters:
  ///   - operations: The order.
  ///   - count: The length of each array.
  ///   - threads: How many threads to use.
  ///   - fill: Writes the array at a place.
  /// - Returns: The sum, valid until the next call.
  func sum(
    _ operations: [ShardTree.Operation], count: Int, threads: Int,
    _ fill: (Int, UnsafeMutablePointer<Float>) throws -> Void
  ) rethrows -> UnsafeMutablePointer<Float> {
    var depth = 0
    for operation in operations {
      switch operation {
      case .push(let place):
        if stack.count == depth { stack.append(ScratchBuffer()) }
        try fill(place, stack[depth].floats(count))
        depth += 1
      case .add:
        depth -= 1
        let (sum, more) = (stack[depth - 1].floats(count), stack[depth].floats(count))
        inParallel(parts: threads) { part in
          for index in evenSlice(of: count, part: part, of: threads) { sum[index] += more[index] }
        }
      }
    }
    if stack.isEmpty { stack.append(ScratchBuffer()) }
    return stack[0].floats(count)
  }
}
