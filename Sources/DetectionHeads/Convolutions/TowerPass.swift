import CVectorKernels
import DenseLinearAlgebra

/// The forward pass of a tower over the maps of one or more images, and what its backward pass needs of it.
///
/// Legend: M locations of all levels of all images, C channels in and H out of a layer, G groups. No number depends on how the
/// work is shared out among threads.
package final class TowerPass {
  /// What a layer gave.
  package final class LayerOutput {
    /// After ReLU, with a border of zeros.
    package let maps: PaddedMaps
    /// Before GroupNorm and ReLU [M, H]; of a layer with GroupNorm, since its backward pass alone needs them.
    package let sums = ScratchBuffer()
    /// For each map of each image, one after another: the mean and 1 / √(variance + ε) of each group [maps, G].
    package var statistics: [(mean: Double, inverse: Double)] = []

    init(channels: Int) { maps = PaddedMaps(channelCount: channels) }
  }

  /// The outputs of the layers, the lowest first, valid until the next call.
  package private(set) var outputs: [LayerOutput] = []
  private let threads: Int
  private let tiledMaps: TiledMaps
  private let weights = TiledWeights()
  private let tiled: TiledProducts
  /// x * W + b [M, H] of a layer without GroupNorm.
  private let unnormed = ScratchBuffer()

  /// The locations of a piece.
  package static let pieceLength = 384

  package init(threads: Int) {
    self.threads = threads
    tiled = TiledProducts(threads: threads)
    // On one thread a block's inputs are transformed when it is multiplied, and do not leave the cache before.
    tiledMaps = threads == 1 ? TiledMaps(partSize: 0) : TiledMaps()
  }

  /// Applies the layers one after another.
  ///
  /// - Parameters:
  ///   - tower: Layers that fit one another; the groups of every GroupNorm are stated.
  ///   - input: The maps below, of as many channels as the lowest layer takes.
  ///   - weights: The weights of the layers where they were transformed before; `nil` to do so.
  /// - Returns: The maps of the highest layer; `input` where there is none.
  package func forward(
    _ tower: ConvolutionTower, _ input: PaddedMaps, weights: [TiledWeights]? = nil
  ) -> PaddedMaps {
    if outputs.map(\.maps.channelCount) != tower.layers.map(\.outputs) {
      outputs = tower.layers.map { LayerOutput(channels: $0.outputs) }
    }
    var below = input
    for (index, (layer, output)) in zip(tower.layers, outputs).enumerated() {
      output.maps.reserve(below.levels)
      if weights == nil { self.weights.take(layer.weight, threads: threads) }
      let sums = convolve(
        below, layer, by: weights?[index] ?? self.weights, into: layer.norm == nil ? unnormed : output.sums)
      if let norm = layer.norm { normalize(norm, sums, of: output) } else { rectify(sums, into: output.maps) }
      below = output.maps
    }
    return below
  }

  /// x * W + b [M, H].
  private func convolve(
    _ maps: PaddedMaps, _ layer: ConvolutionTower.Layer, by weights: TiledWeights, into memory: ScratchBuffer
  ) -> UnsafeMutablePointer<Float> {
    tiledMaps.take(maps)
    let bias = layer.bias.isEmpty ? [Float](repeating: 0, count: layer.outputs) : layer.bias
    let sums = memory.floats(maps.locationCount * layer.outputs)
    tiled.multiply(tiledMaps, by: weights, bias: bias, into: sums)
    return sums
  }

  /// max(0, z), with a border.
  private func rectify(_ sums: UnsafePointer<Float>, into maps: PaddedMaps) {
    let channels = maps.channelCount
    let (ones, zeros) = ([Float](repeating: 1, count: channels), [Float](repeating: 0, count: channels))
    inParallel(parts: threads) { part in
      for location in evenSlice(of: maps.locationCount, part: part, of: threads) {
        guard let target = maps.features(of: location) else { continue }
        bags_affine_relu(sums + location * channels, channels, ones, zeros, target)
      }
    }
  }

  /// max(0, γ (x − μ) / σ + β) of every map.
  private func normalize(_ norm: GroupNormalization, _ sums: UnsafePointer<Float>, of output: LayerOutput) {
    let maps = output.maps
    let (channels, groups) = (maps.channelCount, norm.groups)
    let planes = maps.planes
    let moments = channelSums(planes, channels: channels, threads: threads) { rows, first, second in
      bags_channel_moments(sums + rows.lowerBound * channels, rows.count, channels, first, second)
    }
    output.statistics.removeAll(keepingCapacity: true)
    var factors: [(scale: [Float], shift: [Float])] = []
    for (plane, ofPlane) in zip(planes, moments) {
      var own = (scale: [Float](), shift: [Float]())
      for group in 0..<groups {
        let range = group * (channels / groups)..<(group + 1) * (channels / groups)
        let count = Double(plane.count * range.count)
        let mean = ofPlane.first[range].reduce(0, +) / count
        let variance = max(0, ofPlane.second[range].reduce(0, +) / count - mean * mean)
        let inverse = 1 / (variance + GroupNormalization.epsilon).squareRoot()
        output.statistics.append((mean, inverse))
        for channel in range {
          let scale = Double(norm.scale[channel]) * inverse
          own.scale.append(Float(scale))
          own.shift.append(Float(Double(norm.shift[channel]) - mean * scale))
        }
      }
      factors.append(own)
    }
    let pieces = maps.planePieces(size: Self.pieceLength)
    inParallel(count: pieces.count, threads: threads) { index in
      let (plane, rows) = pieces[index]
      for location in rows {
        guard let target = maps.features(of: location) else { continue }
        bags_affine_relu(
          sums + location * channels, channels, factors[plane].scale, factors[plane].shift, target)
      }
    }
  }
}

/// Two sums over the rows of each map, for every channel, in pieces whose order does not depend on the threads.
///
/// - Parameters:
///   - planes: The rows of each map.
///   - channels: The sums of each kind.
///   - threads: The threads to use.
///   - add: Adds the rows of a piece to sums of either kind.
/// - Returns: For each map the sums of both kinds.
package func channelSums(
  _ planes: [Range<Int>], channels: Int, threads: Int,
  _ add: (Range<Int>, UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>) -> Void
) -> [(first: [Double], second: [Double])] {
  let all = planes.enumerated().flatMap { index, plane in cut(plane, into: 2048).map { (index, $0) } }
  let memory = UnsafeMutablePointer<Double>.allocate(capacity: 2 * max(1, all.count) * channels)
  defer { memory.deallocate() }
  memory.initialize(repeating: 0, count: 2 * all.count * channels)
  inParallel(count: all.count, threads: threads) { index in
    let own = memory + 2 * index * channels
    add(all[index].1, own, own + channels)
  }
  let none = [Double](repeating: 0, count: channels)
  var result = planes.map { _ in (first: none, second: none) }
  for (index, (plane, _)) in all.enumerated() {
    for channel in 0..<channels {
      result[plane].first[channel] += memory[2 * index * channels + channel]
      result[plane].second[channel] += memory[(2 * index + 1) * channels + channel]
    }
  }
  return result
}
