import FeatureSets
import TensorFiles

extension FaultlessSet {
  /// Writes the RoIs with their 16 features as pooled maps of 4 channels of 2 × 2 cells, [N, 4, 2, 2].
  ///
  /// - Parameters:
  ///   - folder: Where the shards go; it exists.
  ///   - imagesPerShard: The images of a shard.
  ///   - elementType: Of the features.
  public func writePooled(
    to folder: String, imagesPerShard: Int = 10, as elementType: TensorElementType = .float16
  ) throws {
    for (number, first) in stride(from: 0, to: images.count, by: imagesPerShard).enumerated() {
      let images = images[first..<min(first + imagesPerShard, images.count)]
      let ids = images.flatMap { image in Array(repeating: Int64(image.imageID), count: image.boxes.count / 4) }
      let labels = images.flatMap { ($0.labels ?? []).map { Int64($0) } }
      var tensors = [
        NamedTensor(
          "features", floats: images.flatMap(\.features), shape: [ids.count, 4, 2, 2], as: elementType),
        NamedTensor("boxes", floats: images.flatMap(\.boxes), shape: [ids.count, 4]),
        NamedTensor("image_ids", integers: ids, shape: [ids.count]),
      ]
      if !labels.isEmpty { tensors.append(NamedTensor("labels", integers: labels, shape: [ids.count])) }
      try writeSafetensors(tensors, to: "\(folder)/shard-\(number).safetensors")
    }
  }
}
