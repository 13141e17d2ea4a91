/// Moves labels of one height up and down as little as it takes for them not to overlap.
///
/// Labels that would overlap form a block around the mean of their wishes, blocks that touch are joined: the least
/// squares solution (pool adjacent violators), order kept.
///
/// - Parameters:
///   - wishes: Where each label's middle would like to be.
///   - height: The height of a label.
///   - range: Where labels may lie, edges included.
/// - Returns: Each label's middle; `nil` where the range cannot hold them all.
/// - Complexity: O(n log n).
package func placedLabels(wishes: [Double], height: Double, in range: ClosedRange<Double>) -> [Double]? {
  let room = range.upperBound - range.lowerBound
  guard Double(wishes.count) * height <= room + 1e-9 else { return nil }
  struct Block {
    var sum: Double
    var members: [Int]
  }
  /// The middle of a block's first label, the block being kept in the range.
  func start(_ block: Block) -> Double {
    let count = Double(block.members.count)
    let lowest = range.lowerBound + height / 2
    let highest = range.upperBound - height / 2 - (count - 1) * height
    return max(lowest, min(highest, block.sum / count))
  }
  var blocks: [Block] = []
  for index in wishes.indices.sorted(by: { (wishes[$0], $0) < (wishes[$1], $1) }) {
    // Within a block, label i wants to be i heights below the first: its wish for the first is that much higher.
    var block = Block(sum: wishes[index], members: [index])
    while let last = blocks.last, start(last) + Double(last.members.count) * height > start(block) {
      blocks.removeLast()
      let shift = Double(last.members.count) * height * Double(block.members.count)
      block = Block(sum: last.sum + block.sum - shift, members: last.members + block.members)
    }
    blocks.append(block)
  }
  var places = [Double](repeating: 0, count: wishes.count)
  for block in blocks {
    for (offset, index) in block.members.enumerated() { places[index] = start(block) + Double(offset) * height }
  }
  return places
}
