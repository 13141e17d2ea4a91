import FeatureSets
import Foundation
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

@Suite struct FeatureMapSetTests {
  @Test func whatIsWrittenIsRead() throws {
    try withTemporaryFolder { folder in
      let set = SmallMapSet()
      // Several shards.
      try set.write(to: folder, shardByteCount: 1000)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count > 2)
      #expect(try FeatureMapSet.isMapSet(at: folder))
      let maps = try FeatureMapSet(at: folder)
      #expect(maps.images.map(\.id) == [1, 2, 3, 4, 5, 6])
      #expect(maps.channelCount == 4 && maps.anchorsPerLocation == 2 && maps.levelCount == 2)
      #expect(maps.locationCount == 6 * 39)
      #expect(maps.images[2].levels == set.images[2].levels && maps.images[2].size == SIMD2(48, 40))
      // Across shards.
      let locations = maps.images[1].locations.lowerBound + 5..<maps.images[4].locations.upperBound
      var values = [Float](repeating: 0, count: locations.count * 4)
      try maps.copyFeatures(locations: locations, into: &values)
      #expect(values == Array(set.images.flatMap(\.features)[4 * locations.lowerBound..<4 * locations.upperBound]))
      #expect(
        try maps.boxDeltas(locations: locations)
          == Array(set.images.flatMap { $0.boxDeltas ?? [] }[8 * locations.lowerBound..<8 * locations.upperBound]))
      try maps.checkImages(areIn: set.dataset)
    }
  }

  /// A set of RoIs and one of maps are not taken for each other.
  @Test func theKindIsToldByTheFiles() throws {
    try withTemporaryFolder { folder in
      try SmallMapSet().write(to: "\(folder)/maps")
      let error = #expect(throws: FeatureSetError.self) { try FeatureSet(at: "\(folder)/maps") }
      #expect(error?.code == .kind)
      try FaultlessSet().writeFeatures(to: "\(folder)/rois")
      #expect(try !FeatureMapSet.isMapSet(at: "\(folder)/rois"))
      #expect(throws: TensorFileError.self) { try FeatureMapSet(at: "\(folder)/rois") }
    }
  }

  @Test func numpyArchivesKeepAnchorsAsNumbers() throws {
    try withTemporaryFolder { folder in
      let image = SmallMapSet().images[0]
      let tensors = [
        NamedTensor("features", floats: image.features, shape: [39, 4]),
        NamedTensor("image_ids", integers: [1], shape: [1]),
        NamedTensor("level_shapes", integers: [5, 6, 3, 3], shape: [1, 2, 2]),
        NamedTensor("image_scales", floats: [1, 1], shape: [1, 2]),
        NamedTensor("image_sizes", integers: [40, 48], shape: [1, 2]),
        NamedTensor("strides", integers: [8, 16], shape: [2]),
        NamedTensor("anchor_sizes", floats: [16, 24, 32, 48], shape: [2, 2]),
        NamedTensor("anchor_ratios", floats: [1], shape: [1]),
      ]
      try writeNumPyArchive(tensors, to: "\(folder)/maps.npz")
      let maps = try FeatureMapSet(at: folder)
      #expect(maps.metadata["strides"] == "8,16")
      #expect(maps.metadata["anchor_sizes"] == "16.0,24.0;32.0,48.0")
    }
  }

  enum Fault: CaseIterable {
    case rows, ids, shapes, emptyLevel, scales, sizes, deltas, types
  }

  @Test(arguments: Fault.allCases) func aFaultIsNamed(fault: Fault) throws {
    try withTemporaryFolder { folder in
      let image = SmallMapSet().images[0]
      var tensors = [
        "features": NamedTensor("features", floats: image.features + image.features, shape: [78, 4]),
        "image_ids": NamedTensor("image_ids", integers: [1, 2], shape: [2]),
        "level_shapes": NamedTensor("level_shapes", integers: [5, 6, 3, 3, 5, 6, 3, 3], shape: [2, 2, 2]),
        "image_scales": NamedTensor("image_scales", floats: [1, 1, 1, 1], shape: [2, 2]),
        "image_sizes": NamedTensor("image_sizes", integers: [40, 48, 40, 48], shape: [2, 2]),
      ]
      let replacement =
        switch fault {
        case .rows: NamedTensor("features", floats: image.features, shape: [39, 4])
        case .ids: NamedTensor("image_ids", integers: [2, 2], shape: [2])
        case .shapes: NamedTensor("level_shapes", integers: [5, 6, 5, 6], shape: [2, 2])
        case .emptyLevel: NamedTensor("level_shapes", integers: [5, 6, 0, 3, 5, 6, 3, 3], shape: [2, 2, 2])
        case .scales: NamedTensor("image_scales", floats: [1, 0, 1, 1], shape: [2, 2])
        case .sizes: NamedTensor("image_sizes", integers: [40, 48, 40, -1], shape: [2, 2])
        case .deltas: NamedTensor("box_deltas", floats: image.boxDeltas ?? [], shape: [78, 4])
        case .types: NamedTensor("features", integers: Array(repeating: 0, count: 312), shape: [78, 4])
        }
      // One anchor for each of 78 locations is no fault.
      if fault == .deltas {
        tensors["box_deltas"] = NamedTensor("box_deltas", floats: Array(repeating: 0, count: 320), shape: [80, 4])
      } else {
        tensors[replacement.name] = replacement
      }
      try writeSafetensors(
        tensors.sorted { $0.key < $1.key }.map(\.value), metadata: [:], to: "\(folder)/a.safetensors")
      let error = #expect(throws: FeatureSetError.self) { try FeatureMapSet(at: folder) }
      #expect(error?.path.hasSuffix("a.safetensors") == true && error?.tensor != nil)
    }
  }

  @Test func whatIsNotFiniteIsFoundWhereItIsCopied() throws {
    try withTemporaryFolder { folder in
      var set = SmallMapSet()
      set.images[1].features[9] = .nan
      try set.write(to: folder)
      let maps = try FeatureMapSet(at: folder)
      let error = #expect(throws: FeatureSetError.self) { try maps.checkFeatures() }
      #expect(error?.code == .notFinite && error?.row == 39 + 2)
    }
  }
}
