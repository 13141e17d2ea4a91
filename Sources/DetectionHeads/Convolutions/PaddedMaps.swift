import CVectorKernels
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
  private var memoryCount = 0
  /// For each location, where its neighbourhood begins, and the numbers of a row of its map with the border.
  private var starts: [Int] = []
  private var rowLengths: [Int32] = []
  /// For each image, where its memory begins and its first location.
  private var imageStarts: [(memory: Int, location: Int)] = []
  /// The height and width of every level of each image.
  package private(set) var levels: [[(height: Int, width: Int)]] = []

  package init(channelCount: Int) { self.channelCount = channelCount }

  /// Makes room for images, their borders zero.
  ///
  /// - Parameter images: The height and width of every level of each image.
  package func reserve(_ images: [[(height: Int, width: Int)]]) {
    // Whatever was put in place, it left the borders as they are.
    if base != nil, levels.elementsEqual(images, by: Self.areEqual) { return }
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
    memoryCount = next
    base = memory.floats(next)
    base?.update(repeating: 0, count: next)
  }

  /// The locations of every map, image after image and level after level.
  package var planes: [Range<Int>] {
    var next = 0
    return levels.joined().map { level in
      defer { next += level.height * level.width }
      return next..<next + level.height * level.width
    }
  }

  /// Pieces of the maps, none of which reaches into another map.
  package func planePieces(size: Int) -> [(plane: Int, locations: Range<Int>)] {
    planes.enumerated().flatMap { index, plane in cut(plane, into: size).map { (index, $0) } }
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

  static func areEqual(_ a: [(height: Int, width: Int)], _ b: [(height: Int, width: Int)]) -> Bool {
    a.elementsEqual(b) { $0.height == $1.height && $0.width == $1.width }
  }

  /// The features of a location, to be read or written.
  package func features(of location: Int) -> UnsafeMutablePointer<Float>? {
    base.map { $0 + starts[location] + Int(rowLengths[location]) + channelCount }
  }

  /// The first of the 3 × 3 locations around one, and the numbers from a row of its map to the next.
  func neighbourhood(of location: Int) -> (start: UnsafePointer<Float>, rowLength: Int)? {
    base.map { (UnsafePointer($0 + starts[location]), Int(rowLengths[location])) }
  }

  /// Puts the features of consecutive locations in place.
  ///
  /// - Parameters:
  ///   - features: [locations.count, C].
  ///   - locations: Which ones.
  package func put(_ features: UnsafePointer<Float>, at locations: Range<Int>) {
    var source = features
    for location in locations {
      self.features(of: location)?.update(from: source, count: channelCount)
      source += channelCount
    }
  }

  /// Copies the features of consecutive locations [locations.count, C].
  package func copy(_ locations: Range<Int>, into destination: UnsafeMutablePointer<Float>) {
    var target = destination
    for location in locations {
      if let own = features(of: location) { target.update(from: own, count: channelCount) }
      target += channelCount
    }
  }

  /// Sets everything to 0, borders and all.
  package func clear() {
    guard let base else { return }
    base.update(repeating: 0, count: memoryCount)
  }

  /// Adds some channels of a patch to the neighbourhood of a location, borders and all: what `gather` takes, given back.
  ///
  /// - Parameters:
  ///   - patch: [9C].
  ///   - location: In the middle.
  ///   - channels: Which of the C.
  package func add(_ patch: UnsafePointer<Float>, around location: Int, channels: Range<Int>) {
    guard let base else { return }
    for tap in 0..<9 {
      let place = starts[location] + tap / 3 * Int(rowLengths[location]) + tap % 3 * channelCount + channels.lowerBound
      bags_add(patch + tap * channelCount + channels.lowerBound, channels.count, base + place)
    }
  }

  /// The length of a patch, 9C.
  package var patchLength: Int { 9 * channelCount }

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

/// Consecutive pieces of a range, all of one size but the last.
package func cut(_ rows: Range<Int>, into size: Int) -> [Range<Int>] {
  stride(from: rows.lowerBound, to: rows.upperBound, by: size).map { $0..<min($0 + size, rows.upperBound) }
}
