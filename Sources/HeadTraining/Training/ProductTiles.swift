/// How the products of a batch are cut into pieces that threads take one after another.
///
/// The cuts may depend on the number of threads, since no number depends on the cuts.
enum ProductTiles {
  /// Some rows and panels of a block's product.
  struct Tile {
    let block: Int
    let rows: Range<Int>
    var panels = 0..<0
  }

  /// Pieces that each thread has at least, so that none waits long for the last.
  private static let piecesPerThread = 8

  /// Tiles of Z: few rows with all panels, so that their features are read once; large blocks first.
  static func forward(_ blocks: [PlacedBlock], threads: Int) -> [Tile] {
    let work = blocks.map { $0.rowCount * $0.block.logits.count }
    let share = max(1, work.reduce(0, +) / (piecesPerThread * threads))
    var tiles: [Tile] = []
    for (index, block) in ordered(blocks) {
      let panels = count(of: block.block.logits.count, by: PlacedBlock.panel)
      let rows = rounded(share / max(1, block.block.logits.count), to: PlacedBlock.strip, upTo: 48)
      // Where even 24 rows are much, not all panels.
      let isMuch = threads > 1 && rows < 24
      let some = isMuch ? max(1, share / (24 * PlacedBlock.panel)) : panels
      for first in stride(from: 0, to: panels, by: some) {
        tiles += pieces(of: block.rowCount, by: isMuch ? 24 : rows).map {
          Tile(block: index, rows: $0, panels: first..<min(first + some, panels))
        }
      }
    }
    return tiles
  }

  /// Tiles of dW: a panel of features, or several of a small block, with as many logits as make a good piece.
  static func backward(_ blocks: [PlacedBlock], trained: Range<Int>, inputs: Int, threads: Int) -> [Tile] {
    let panels = count(of: inputs, by: PlacedBlock.panel)
    let wanted = blocks.map { $0.wanted(trained).count }
    let work = zip(blocks, wanted).reduce(0) { $0 + $1.0.rowCount * $1.1 * panels }
    let share = max(1, work / (piecesPerThread * threads))
    var tiles: [Tile] = []
    for (index, block) in ordered(blocks) where wanted[index] > 0 {
      let ofPanel = block.rowCount * wanted[index]
      let logits =
        ofPanel > share
        ? rounded(share / max(1, block.rowCount), to: PlacedBlock.strip, upTo: wanted[index] + PlacedBlock.strip)
        : wanted[index]
      let some = max(1, min(panels, share / max(1, ofPanel)))
      for first in stride(from: 0, to: panels, by: some) {
        tiles += pieces(of: wanted[index], by: logits).map {
          Tile(block: index, rows: $0, panels: first..<min(first + some, panels))
        }
      }
    }
    return tiles
  }

  /// Rows of X to be packed, 32 at a time.
  static func rowsToPack(_ blocks: [PlacedBlock]) -> [Tile] {
    blocks.enumerated().flatMap { index, block in
      pieces(of: block.rowCount, by: 32).map { Tile(block: index, rows: $0) }
    }
  }

  /// Panels of W to be packed.
  static func weightPanels(_ blocks: [PlacedBlock]) -> [(block: Int, panel: Int)] {
    blocks.enumerated().flatMap { index, block in
      (0..<count(of: block.block.logits.count, by: PlacedBlock.panel)).map { (index, $0) }
    }
  }

  /// Strips of dZ to be packed.
  static func strips(_ blocks: [PlacedBlock], trained: Range<Int>) -> [(block: Int, strip: Int)] {
    ordered(blocks).flatMap { index, block in
      (0..<count(of: block.wanted(trained).count, by: PlacedBlock.strip)).map { (index, $0) }
    }
  }

  /// The blocks with most work first.
  private static func ordered(_ blocks: [PlacedBlock]) -> [(index: Int, block: PlacedBlock)] {
    blocks.enumerated().map { (index: $0.offset, block: $0.element) }
      .sorted { $1.block.rowCount * $1.block.block.logits.count < $0.block.rowCount * $0.block.block.logits.count }
  }

  private static func count(of length: Int, by size: Int) -> Int { (length + size - 1) / size }

  private static func pieces(of length: Int, by size: Int) -> [Range<Int>] {
    stride(from: 0, to: length, by: size).map { $0..<min($0 + size, length) }
  }

  /// The multiple of `step` at or below a number, at least `step`.
  private static func rounded(_ number: Int, to step: Int, upTo most: Int) -> Int {
    max(step, min(number, most) / step * step)
  }
}
