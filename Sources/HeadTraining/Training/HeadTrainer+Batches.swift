import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

extension HeadTrainer {
  /// The RoIs of the next images of this epoch's order, and their features.
  func nextBatch() throws -> (RoIBatch, features: UnsafeMutablePointer<Float>) {
    let epoch = stepsTaken / stepsPerEpoch
    if epochOrder?.epoch != epoch { epochOrder = (epoch, imageStream.images(ofEpoch: epoch)) }
    let first = stepsTaken % stepsPerEpoch * settings.imagesPerBatch
    let images = (epochOrder?.images ?? [])[first...].prefix(settings.imagesPerBatch)
    batchImages = Array(images)
    let ranges = images.map { source.rows(ofImage: $0) }
    let own = sharing?.ownImages(of: ranges.count) ?? ranges.indices
    let isStreamed = source.featureByteCount > settings.memoryLimit
    if isStreamed { prefetch((epochOrder?.images ?? [])[first...].dropFirst(4 * settings.imagesPerBatch)) }
    let batch: RoIBatch
    let features: UnsafeMutablePointer<Float>
    if let anchors, let mapReader, let source = source as? any AnchorSource {
      batch = source.batch(ofImages: batchImages)
      try mapReader.read(batchImages)
      maps = towerProducts?.forward(head.tower, mapReader.maps) ?? mapReader.maps
      anchors.take(batch, ofImages: batchImages, maps: maps)
      // Anchors have no features of their own: the maps are multiplied as they are.
      features = batchFeatures.floats(1)
    } else {
      batch = RoIBatch(images: ranges, of: source)
      let gather = { [self] in try gatherFeatures(ranges, own: own, count: batch.labels.count) }
      features = try sharing?.reading(gather) ?? gather()
    }
    if isStreamed { releasePages(afterReading: Array(ranges[own])) }
    return (batch, features)
  }

  /// Four batches ahead: the disk works while these multiply.
  private func prefetch(_ ahead: ArraySlice<Int>) {
    let images = Array(ahead.prefix(settings.imagesPerBatch))
    for image in images[sharing?.ownImages(of: images.count) ?? images.indices] {
      source.prefetch(rows: source.rows(ofImage: image))
    }
  }

  /// Lets go of what was read when it may have reached the limit: each image touches its own pages, and the system maps
  /// up to 64 KiB on either side with them.
  private func releasePages(afterReading ranges: [Range<Int>]) {
    let rowBytes = source.featureByteCount / max(1, source.rows(ofImage: source.imageCount - 1).upperBound)
    bytesTouched += ranges.reduce(0) { $0 + $1.count * rowBytes + (2 << 16) }
    if bytesTouched > settings.memoryLimit / 2 {
      source.releasePages()
      bytesTouched = 0
    }
  }

  /// Images a block of about 16 MB, where the features are larger than the memory that they may take.
  static func blockLength(_ source: any RoISource, _ settings: TrainingSettings) -> Int? {
    guard source.featureByteCount > settings.memoryLimit else { return nil }
    return max(1, 16 << 20 / max(1, source.featureByteCount / source.imageCount))
  }

  /// Copies the features of an image after the other, the images shared out among threads; only those of images that this
  /// process reads.
  private func gatherFeatures(
    _ ranges: [Range<Int>], own: Range<Int>, count: Int
  ) throws -> UnsafeMutablePointer<Float> {
    let width = source.featureCount
    let features = batchFeatures.floats(count * width)
    var starts: [Int] = []
    var next = 0
    for range in ranges {
      starts.append(next)
      next += range.count
    }
    var errors = [(any Error)?](repeating: nil, count: settings.threads)
    errors.withUnsafeMutableBufferPointer { errors in
      inParallel(parts: settings.threads) { part in
        do {
          for place in evenSlice(of: own.count, part: part, of: settings.threads) {
            let index = own.lowerBound + place
            try source.copyFeatures(rows: ranges[index], into: features + starts[index] * width)
          }
        } catch {
          errors[part] = error
        }
      }
    }
    if let error = errors.lazy.compactMap({ $0 }).first { throw error }
    return features
  }
}
