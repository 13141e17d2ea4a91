import CVectorKernels
import DenseLinearAlgebra

/// Feature maps cut into tiles and transformed for Winograd's minimal filtering F(4 × 4, 3 × 3), by which a convolution takes a
/// quarter of the multiplications (Lavin and Gray, CVPR 2016).
///
/// Legend: M locations of all levels of one or more images, C channels, T tiles of 4 × 4 locations in a block. A block takes
/// whole rows of tiles, so that its locations stand one behind another, and so many that its operands stay in the cache while
/// packed weight passes by.
package final class TiledMaps {
  /// The 4 × 4 locations of a map whose outputs are computed together, or what its edge leaves of them.
  struct Tile {
    /// The first of them, among all M.
    let location: Int
    /// The locations from a row of the map to the next.
    let mapWidth: Int
    let (rows, columns): (Int, Int)
  }

  /// Tiles that are multiplied together.
  package struct Block {
    /// Their locations among all M.
    package let locations: Range<Int>
    let tiles: Range<Int>
    /// Where the transformed inputs [36, T, C] begin in the memory of its part.
    let start: Int
  }

  /// The number C of channels of each location.
  package private(set) var channelCount = 0
  /// The blocks, one behind another.
  package private(set) var blocks: [Block] = []
  private(set) var tiles: [Tile] = []
  /// Blocks whose transformed inputs are in memory together, however many maps there are.
  private(set) var parts: [Range<Int>] = []
  private var maps = PaddedMaps(channelCount: 0)
  private var levels: [[(height: Int, width: Int)]] = []
  private var loaded: Int?
  private let memory = ScratchBuffer()
  private var inputs: UnsafeMutablePointer<Float>?
  private let partSize: Int

  /// - Parameter partSize: The most numbers of a part, if one block has no more; 96 MB by default.
  package init(partSize: Int = 24 << 20) { self.partSize = partSize }

  /// The tiles that a block has at least, unless it is the last one.
  private static let tilesAtATime = 40

  /// Takes maps, which must stay as they are as long as they are multiplied.
  package func take(_ maps: PaddedMaps) {
    if channelCount != maps.channelCount || !levels.elementsEqual(maps.levels, by: PaddedMaps.areEqual) { cut(maps) }
    self.maps = maps
    loaded = nil
  }

  /// Transforms the inputs of a part, unless they are the last that were.
  func load(part: Int, threads: Int) {
    if loaded == part { return }
    let blocks = blocks[parts[part]]
    let inputs = memory.floats(
      blocks.last.map { $0.start + Self.size(ofTiles: $0.tiles.count, channels: channelCount) } ?? 0)
    self.inputs = inputs
    inParallel(parts: threads) { thread in
      for index in evenSlice(of: blocks.count, part: thread, of: threads) {
        transform(blocks[blocks.startIndex + index], of: maps, into: inputs)
      }
    }
    loaded = part
  }

  private func transform(_ block: Block, of maps: PaddedMaps, into inputs: UnsafeMutablePointer<Float>) {
    for (place, index) in block.tiles.enumerated() {
      let tile = tiles[index]
      guard let (start, rowLength) = maps.neighbourhood(of: tile.location) else { return }
      bags_winograd_inputs(
        start, rowLength, tile.rows + 2, tile.columns + 2, channelCount, block.tiles.count * Self.panel,
        Self.pointStep(ofTiles: block.tiles.count, channels: channelCount), inputs + block.start + place * Self.panel)
    }
  }

  private func cut(_ maps: PaddedMaps) {
    (channelCount, levels) = (maps.channelCount, maps.levels)
    tiles.removeAll(keepingCapacity: true)
    blocks.removeAll(keepingCapacity: true)
    parts.removeAll(keepingCapacity: true)
    let side = Int(BAGS_TILE)
    var (location, next) = (0, 0)
    var first = (tile: 0, location: 0, block: 0)
    func close() {
      guard first.tile < tiles.count else { return }
      let size = Self.size(ofTiles: tiles.count - first.tile, channels: channelCount)
      if next > 0, next + size > partSize {
        parts.append(first.block..<blocks.count)
        (first.block, next) = (blocks.count, 0)
      }
      blocks.append(Block(locations: first.location..<location, tiles: first.tile..<tiles.count, start: next))
      next += size
      (first.tile, first.location) = (tiles.count, location)
    }
    for level in levels.joined() {
      for row in stride(from: 0, to: level.height, by: side) {
        let rows = min(side, level.height - row)
        for column in stride(from: 0, to: level.width, by: side) {
          tiles.append(
            Tile(
              location: location + column, mapWidth: level.width, rows: rows, columns: min(side, level.width - column)))
        }
        location += rows * level.width
        if tiles.count - first.tile >= Self.tilesAtATime { close() }
      }
    }
    close()
    if first.block < blocks.count { parts.append(first.block..<blocks.count) }
  }

  private static let panel = Int(BAGS_PANEL)

  /// From a point's matrix of a block to the next point's. Were it a multiple of a large power of two, the points of a tile
  /// would displace each other in the cache.
  private static func pointStep(ofTiles count: Int, channels: Int) -> Int {
    (channels + panel - 1) / panel * count * panel + panel
  }

  private static func size(ofTiles count: Int, channels: Int) -> Int {
    Int(BAGS_TILE_POINTS) * pointStep(ofTiles: count, channels: channels)
  }

  /// The matrix [T, C] of a point of a block of the part that was loaded, in panels.
  func inputs(of block: Block, point: Int) -> UnsafeMutablePointer<Float>? {
    inputs.map { $0 + block.start + point * Self.pointStep(ofTiles: block.tiles.count, channels: channelCount) }
  }
}
