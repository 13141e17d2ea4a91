import DenseLinearAlgebra

/// Feature maps with a border of zeros, from which the 3 × 3 neighbourhoods of locations are gathered.
///
/// Legend: M locations of all levels of one or more images, C channels. A patch is 9C numbers: row by row of the
/// neighbourhood, its locations from left to right, the channels of each together. A 3 × 3 convolution with padding 1 is the
/// product of patches and weight rows in that order.
package final class PaddedMaps {
  /// The number C of channels of each location.
  package let channelCount: Int
  /// The number M of locations of all images that room was made for.
  package private(set) var locationCount = 0
  private let memory = ScratchBuffer()
  private var base: UnsafeMutablePointer<Float>?
  /// For each location, where its neighbourhood begins, and the numbers of a row of its map with the border.
  private var starts: [Int] = []
  private var rowLengths: [Int32] = []
  /// For each image, where its memory begins and its first location.
  private var imageStarts: [(memory: Int, location: Int)] = []
  private var levels: [[(height: Int, width: Int)]] = []

  package init(channelCount: Int) { self.channelCount = channelCount }

  /// Makes room for images, their borders zero.
  ///
  /// - Parameter images: The height and width of every level of each image.
  package func reserve(_ images: [[(height: Int, width: Int)]]) {
    levels = images
    starts.removeAll(keepingCapacity: true)
    rowLengths.removeAll(keepingCapacity: true)
    imageStarts.removeAll(keepingCapacity: true)
    var next = 0
    for image in images {
      imageStarts.append((next, starts.count))
      for level in image {
        let rowLength = (level.width + 2) * channelCount
        for row in 0..<level.height {
          for column in 0..<level.width {
            starts.append(next + row * rowLength + column * channelCount)
            rowLengths.append(Int32(truncatingIfNeeded: rowLength))
          }
        }
        next += (level.height + 2) * rowLength
      }
    }
    locationCount = starts.count
    base = memory.floats(next)
    base?.update(repeating: 0, count: next)
  }

  /// The first location of an image among all.
  package func firstLocation(ofImage image: Int) -> Int { imageStarts[image].location }

  /// Puts an image's maps in place; images may be put by several threads at once.
  ///
  /// - Parameters:
  ///   - maps: The features of its locations [M, C].
  ///   - image: The place of the image among those reserved.
  package func set(_ maps: UnsafePointer<Float>, ofImage image: Int) {
    guard let base else { return }
    var (source, target) = (maps, base + imageStarts[image].memory)
    for level in levels[image] {
      let rowLength = (level.width + 2) * channelCount
      for row in 0..<level.height {
        (target + (row + 1) * rowLength + channelCount).update(from: source, count: level.width * channelCount)
        source += level.width * channelCount
      }
      target += (level.height + 2) * rowLength
    }
  }

  /// The length of a patch, 9C.
  package var patchLength: Int { 9 * channelCount }

  /// Gathers the patches of consecutive locations.
  ///
  /// - Parameters:
  ///   - locations: Which ones.
  ///   - destination: Room for `locations.count` × 9C numbers.
  package func gather(_ locations: Range<Int>, into destination: UnsafeMutablePointer<Float>) {
    var target = destination
    for location in locations {
      gather(location, into: target)
      target += patchLength
    }
  }

  /// Gathers the patch of a location.
  package func gather(_ location: Int, into target: UnsafeMutablePointer<Float>) {
    guard let base else { return }
    let (length, row) = (3 * channelCount, Int(rowLengths[location]))
    let source = base + starts[location]
    target.update(from: source, count: length)
    (target + length).update(from: source + row, count: length)
    (target + 2 * length).update(from: source + 2 * row, count: length)
  }
}
