import Foundation
import LVISDatasets
import TensorFiles

extension FeatureMapSet {
  /// Copies the features of consecutive locations, [locations.count, C], widened to single precision.
  ///
  /// - Parameters:
  ///   - locations: Which ones, within `0..<locationCount`.
  ///   - destination: Room for them.
  /// - Throws: `FeatureSetError` if one of them is not finite.
  public func copyFeatures(locations: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws {
    try copy("features", width: channelCount, locations: locations, into: destination) { $0.features }
  }

  /// The box deltas of the anchors of consecutive locations, [locations.count · A, 4]; `nil` where the set has none.
  ///
  /// - Throws: `FeatureSetError` if one of them is not finite.
  public func boxDeltas(locations: Range<Int>) throws -> [Float]? {
    guard let anchorsPerLocation else { return nil }
    let width = 4 * anchorsPerLocation
    return try [Float](unsafeUninitializedCapacity: locations.count * width) { buffer, initialized in
      if let destination = buffer.baseAddress {
        try copy("box_deltas", width: width, locations: locations, into: destination) { $0.boxDeltas }
      }
      initialized = locations.count * width
    }
  }

  private func copy(
    _ name: String, width: Int, locations: Range<Int>, into destination: UnsafeMutablePointer<Float>,
    _ tensor: (FeatureMapShard) -> TensorView?
  ) throws {
    precondition(locations.lowerBound >= 0 && locations.upperBound <= locationCount)
    for shard in shards(of: locations) {
      let first = max(locations.lowerBound, shard.firstLocation)
      let end = min(locations.upperBound, shard.firstLocation + shard.locationCount)
      guard first < end, let tensor = tensor(shard) else { continue }
      let target = destination + (first - locations.lowerBound) * width
      let (start, stop) = (first - shard.firstLocation, end - shard.firstLocation)
      if tensor.widen(start * width..<stop * width, into: target) { continue }
      for place in 0..<(stop - start) * width where !target[place].isFinite {
        throw FeatureSetError(
          path: shard.path, tensor: name, row: start + place / width, code: .notFinite,
          detail: "number \(place % width) is \(target[place])")
      }
    }
  }

  private func shards(of locations: Range<Int>) -> ArraySlice<FeatureMapShard> {
    var (low, high) = (0, shards.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if shards[middle].firstLocation <= locations.lowerBound { low = middle } else { high = middle - 1 }
    }
    return shards[low...].prefix { $0.firstLocation < locations.upperBound }
  }

  /// The size of all maps as they are stored, in bytes.
  public var featureByteCount: Int {
    shards.reduce(0) { $0 + $1.locationCount * channelCount * $1.features.elementType.byteCount }
  }

  /// Asks the system to read the maps of locations in the background.
  public func prefetch(locations: Range<Int>) {
    for shard in shards(of: locations) {
      let first = max(locations.lowerBound, shard.firstLocation) - shard.firstLocation
      let end = min(locations.upperBound, shard.firstLocation + shard.locationCount) - shard.firstLocation
      guard first < end else { continue }
      let rowBytes = channelCount * shard.features.elementType.byteCount
      shard.features.withUnsafeBytes { bytes in
        advisePages(UnsafeRawBufferPointer(rebasing: bytes[first * rowBytes..<end * rowBytes]), MADV_WILLNEED)
      }
    }
  }

  /// Lets go of every page that reading has taken.
  public func releasePages() {
    for shard in shards {
      shard.features.withUnsafeBytes { advisePages($0, MADV_DONTNEED) }
      shard.boxDeltas?.withUnsafeBytes { advisePages($0, MADV_DONTNEED) }
    }
  }

  /// Checks that the annotations know every image of the set.
  ///
  /// - Throws: `FeatureSetError` for the first image that they do not.
  public func checkImages(areIn dataset: LVISDataset) throws {
    let known = Set(dataset.images.map(\.id))
    guard let image = images.first(where: { !known.contains($0.id) }) else { return }
    let shard = shards(of: image.locations).first
    throw FeatureSetError(
      path: shard?.path ?? path, tensor: "image_ids", row: shard?.images.firstIndex { $0.id == image.id }, code: .image,
      detail: "image \(image.id) is not in the annotations; are they of another split?")
  }

  /// Goes through all maps once; a set larger than memory takes little of it.
  ///
  /// - Throws: `FeatureSetError` for the first number that is not finite.
  public func checkFeatures() throws {
    defer { releasePages() }
    for (place, piece) in pieces(of: 0..<locationCount, size: max(1, (1 << 20) / channelCount)).enumerated() {
      // Every 64 MB or so.
      if place % 16 == 15 { releasePages() }
      let buffer = UnsafeMutablePointer<Float>.allocate(capacity: piece.count * channelCount)
      defer { buffer.deallocate() }
      try copyFeatures(locations: piece, into: buffer)
      _ = try boxDeltas(locations: piece)
    }
  }

  /// For a box that decoding makes infinite.
  package func boxError(ofLocation location: Int, anchor: Int) -> FeatureSetError {
    let shard = shards(of: location..<location + 1).first
    let row = (location - (shard?.firstLocation ?? 0)) * (anchorsPerLocation ?? 1) + anchor
    return FeatureSetError(
      path: shard?.path ?? path, tensor: "box_deltas", row: row, code: .box,
      detail: "gives a box beyond the range of single precision")
  }
}
