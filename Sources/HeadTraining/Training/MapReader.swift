import DenseLinearAlgebra
import DetectionHeads
import FeatureSets

/// Reads the maps of the images of a batch, which both branches of a dense head see.
final class MapReader {
  /// The maps of the present batch, with a border of zeros.
  let maps: PaddedMaps
  private let source: any AnchorSource
  private let threads: Int
  private let buffers: [ScratchBuffer]

  init(_ source: any AnchorSource, threads: Int) {
    self.source = source
    self.threads = threads
    maps = PaddedMaps(channelCount: source.channelCount)
    buffers = (0..<threads).map { _ in ScratchBuffer() }
  }

  /// Reads the maps of images, these shared out among threads.
  ///
  /// - Throws: What the source throws.
  func read(_ images: [Int]) throws {
    maps.reserve(images.map { source.levels(ofImage: $0).map { ($0.height, $0.width) } })
    var errors = [(any Error)?](repeating: nil, count: threads)
    errors.withUnsafeMutableBufferPointer { errors in
      inParallel(parts: threads) { part in
        do {
          for index in evenSlice(of: images.count, part: part, of: threads) {
            let count = source.levels(ofImage: images[index]).reduce(0) { $0 + $1.count }
            let buffer = buffers[part].floats(count * source.channelCount)
            try source.copyMaps(ofImage: images[index], into: buffer)
            maps.set(buffer, ofImage: index)
          }
        } catch {
          errors[part] = error
        }
      }
    }
    if let error = errors.lazy.compactMap({ $0 }).first { throw error }
  }
}
