import CVectorKernels
import DenseLinearAlgebra

/// The products of tiled maps, forward and for the gradient of the weight.
///
/// Legend: M locations, C channels, K outputs, T tiles in a block, 36 points of a tile. No number depends on the threads.
package final class TiledProducts {
  private let threads: Int
  private let products: [ScratchBuffer]
  private let sums = ScratchBuffer()

  /// - Parameter threads: The threads to use.
  package init(threads: Int) {
    self.threads = threads
    products = (0..<threads).map { _ in ScratchBuffer() }
  }

  private static let (panel, points) = (Int(BAGS_PANEL), Int(BAGS_TILE_POINTS))
  /// Panels of outputs that are multiplied one after another, so that a block's inputs are read half as often.
  private static let panelsAtATime = 2
  private static let noBias = [Float](repeating: 0, count: panel)

  /// From a point's products to the next point's, as in `TiledMaps`.
  private static func pointStep(_ tileCount: Int) -> Int { tileCount * panel + panel }

  /// Z = X * W + b of all blocks.
  ///
  /// - Parameters:
  ///   - maps: X.
  ///   - weights: W.
  ///   - bias: b [K].
  ///   - result: [M, K], overwritten.
  package func multiply(
    _ maps: TiledMaps, by weights: TiledWeights, bias: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>
  ) {
    for (place, blocks) in maps.parts.enumerated() {
      maps.load(part: place, threads: threads)
      inParallel(parts: threads) { part in
        for index in evenSlice(of: blocks.count, part: part, of: threads) {
          let block = maps.blocks[blocks.lowerBound + index]
          multiply(
            block, of: maps, by: weights, bias: bias, into: result + block.locations.lowerBound * weights.outputCount,
            part: part)
        }
      }
    }
  }

  /// Calls `body` with one range of locations after another, and their outputs Z = X * W + b while they are in the cache.
  ///
  /// - Parameters:
  ///   - maps: X.
  ///   - weights: W.
  ///   - bias: b [K].
  ///   - body: Takes the locations and Z [locations.count, K], which it may overwrite.
  package func forEachBlock(
    _ maps: TiledMaps, by weights: TiledWeights, bias: UnsafePointer<Float>,
    _ body: (Range<Int>, UnsafeMutablePointer<Float>) -> Void
  ) {
    let most = maps.blocks.lazy.map(\.locations.count).max() ?? 0
    let outputs = sums.floats(most * weights.outputCount)
    for (place, blocks) in maps.parts.enumerated() {
      maps.load(part: place, threads: threads)
      for block in maps.blocks[blocks] {
        multiply(block, of: maps, by: weights, bias: bias, into: outputs)
        body(block.locations, outputs)
      }
    }
  }

  /// Z = X * W + b of a block.
  ///
  /// - Parameters:
  ///   - block: Whose locations.
  ///   - maps: X.
  ///   - weights: W.
  ///   - bias: b [K].
  ///   - result: The outputs of the block's locations [block.locations.count, K], overwritten.
  ///   - part: The thread, less than those given.
  private func multiply(
    _ block: TiledMaps.Block, of maps: TiledMaps, by weights: TiledWeights, bias: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>, part: Int = 0
  ) {
    let (tileCount, outputCount) = (block.tiles.count, weights.outputCount)
    let pointStep = Self.pointStep(tileCount)
    let products = products[part].floats(Self.panelsAtATime * Self.points * pointStep)
    for panels in cut(0..<weights.panelCount, into: Self.panelsAtATime) {
      for point in 0..<Self.points {
        guard let inputs = maps.inputs(of: block, point: point) else { return }
        for (place, panel) in panels.enumerated() {
          guard let weight = weights.matrix(panel: panel, point: point) else { return }
          bags_multiply_forward(
            inputs, tileCount, maps.channelCount, 0, tileCount, weight, weights.outputs(ofPanel: panel).count,
            Self.noBias, products + (place * Self.points + point) * pointStep, Self.panel)
        }
      }
      for (place, panel) in panels.enumerated() {
        let outputs = weights.outputs(ofPanel: panel)
        for (row, index) in block.tiles.enumerated() {
          let tile = maps.tiles[index]
          bags_winograd_outputs(
            products + place * Self.points * pointStep + row * Self.panel, pointStep, bias + outputs.lowerBound,
            tile.rows, tile.columns, outputs.count, tile.mapWidth * outputCount, outputCount,
            result + (tile.location - block.locations.lowerBound) * outputCount + outputs.lowerBound)
        }
      }
    }
  }

  /// dW = dZᵀ X and db = Σ dZ. Outputs are shared out among threads, each of which goes through all blocks; where they are
  /// fewer than threads, the points of a tile are too, and the gradient is transformed for each share of these.
  ///
  /// - Parameters:
  ///   - maps: X.
  ///   - gradient: dZ [M, K].
  ///   - outputs: K.
  ///   - weight: dW [K, 9C], overwritten.
  ///   - bias: db [K], overwritten.
  package func weightGradient(
    _ maps: TiledMaps, gradient: UnsafePointer<Float>, outputs outputCount: Int,
    into weight: UnsafeMutablePointer<Float>, bias: UnsafeMutablePointer<Float>
  ) {
    let panels = cut(0..<outputCount, into: Self.panel)
    let groups = cut(0..<panels.count, into: Self.panelsAtATime)
    let points = cut(0..<Self.points, into: groups.count < threads ? 9 : Self.points)
    let size = (Self.points * maps.channelCount + 1) * Self.panel
    let sums = sums.floats(panels.count * size)
    sums.update(repeating: 0, count: panels.count * size)
    for (place, blocks) in maps.parts.enumerated() {
      maps.load(part: place, threads: threads)
      inParallel(parts: threads) { part in
        for index in evenSlice(of: groups.count * points.count, part: part, of: threads) {
          let group = groups[index / points.count]
          for block in maps.blocks[blocks] {
            add(
              block, of: maps, gradient, outputCount: outputCount, panels: Array(panels[group]),
              points: points[index % points.count], to: sums + group.lowerBound * size, part: part)
          }
        }
      }
    }
    inParallel(parts: threads) { part in
      for index in evenSlice(of: panels.count, part: part, of: threads) {
        let (outputs, own) = (panels[index], sums + index * size)
        bags_winograd_weight_gradients(
          own + Self.panel, outputs.count, maps.channelCount,
          weight + outputs.lowerBound * 9 * maps.channelCount)
        (bias + outputs.lowerBound).update(from: own, count: outputs.count)
      }
    }
  }

  /// Adds the products of a block to the sums of some panels of outputs: of each db [32], with the first points, behind it
  /// dU [36, C, 32].
  private func add(
    _ block: TiledMaps.Block, of maps: TiledMaps, _ gradient: UnsafePointer<Float>, outputCount: Int,
    panels: [Range<Int>], points: Range<Int>, to sums: UnsafeMutablePointer<Float>, part: Int
  ) {
    let (channels, tileCount) = (maps.channelCount, block.tiles.count)
    let size = (Self.points * channels + 1) * Self.panel
    let pointStep = Self.pointStep(tileCount)
    let own = products[part].floats(panels.count * Self.points * pointStep + Self.panel)
    let elsewhere = own + panels.count * Self.points * pointStep
    for (place, panel) in panels.enumerated() {
      for (row, index) in block.tiles.enumerated() {
        let tile = maps.tiles[index]
        bags_winograd_gradients(
          gradient + tile.location * outputCount + panel.lowerBound, tile.mapWidth * outputCount, outputCount,
          tile.rows, tile.columns, panel.count, pointStep, own + place * Self.points * pointStep + row * Self.panel,
          points.lowerBound == 0 ? sums + place * size : elsewhere)
      }
    }
    for point in points {
      guard let inputs = maps.inputs(of: block, point: point) else { return }
      for first in stride(from: 0, to: channels, by: Self.panel) {
        for place in panels.indices {
          bags_multiply_panels(
            inputs + first * tileCount, min(Self.panel, channels - first),
            own + (place * Self.points + point) * pointStep, tileCount,
            sums + place * size + (1 + point * channels + first) * Self.panel)
        }
      }
    }
  }
}
