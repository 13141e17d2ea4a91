import DenseLinearAlgebra
import DetectionHeads

/// The gradient of a 3 × 3 convolution by its input: dX = dY * W, the weight turned about its middle.
///
/// Legend: M locations, C channels in and K out.
final class InputGradient {
  private let threads: Int
  private let (turned, noBias) = (ScratchBuffer(), ScratchBuffer())
  private var maps = PaddedMaps(channelCount: 0)
  private let tiledMaps = TiledMaps()
  private let tiledWeights = TiledWeights()
  private let tiled: TiledProducts

  init(threads: Int) {
    self.threads = threads
    tiled = TiledProducts(threads: threads)
  }

  /// - Parameters:
  ///   - gradient: dY [M, K].
  ///   - outputs: K.
  ///   - weight: W [K, 9C].
  ///   - below: The maps X that the convolution took.
  ///   - result: dX [M, C], overwritten.
  func compute(
    _ gradient: UnsafePointer<Float>, outputs: Int, weight: UnsafePointer<Float>, like below: PaddedMaps,
    into result: UnsafeMutablePointer<Float>
  ) {
    let inputs = below.channelCount
    if maps.channelCount != outputs { maps = PaddedMaps(channelCount: outputs) }
    maps.reserve(below.levels)
    let turned = turned.floats(inputs * 9 * outputs)
    let noBias = noBias.floats(inputs)
    noBias.update(repeating: 0, count: inputs)
    inParallel(parts: threads) { part in
      let locations = evenSlice(of: maps.locationCount, part: part, of: threads)
      maps.put(gradient + locations.lowerBound * outputs, at: locations)
      for input in evenSlice(of: inputs, part: part, of: threads) {
        for tap in 0..<9 {
          let target = turned + (input * 9 + 8 - tap) * outputs
          for output in 0..<outputs { target[output] = weight[(output * 9 + tap) * inputs + input] }
        }
      }
    }
    tiledMaps.take(maps)
    tiledWeights.take(turned, outputs: inputs, channels: outputs, threads: threads)
    tiled.multiply(tiledMaps, by: tiledWeights, bias: noBias, into: result)
  }
}
