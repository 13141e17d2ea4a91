import FeatureSets
import Foundation
import LVISDatasets
import SyntheticData
import TestSupport
import Testing

/// The set with its default configuration: what `bags demo` and `bags train` use.
private let builtIn = SyntheticDetectionSet()

@Suite struct SyntheticDetectionSetTests {
  /// A set that is made at once.
  private static var small: SyntheticDetectionSet.Configuration {
    var configuration = SyntheticDetectionSet.Configuration.small
    configuration.largestInstanceCount = 60
    configuration.trainingImageCount = 40
    configuration.validationImageCount = 20
    return configuration
  }

  private static func bytes(seed: UInt64) throws -> [String: Data] {
    try withTemporaryFolder { folder in
      try SyntheticDetectionSet(seed: seed, configuration: small).write(to: folder)
      let names = [
        "annotations_train.json", "annotations_val.json", "train/shard-00000.safetensors",
        "val/shard-00000.safetensors",
      ]
      return try Dictionary(
        uniqueKeysWithValues: names.map { ($0, try fileBytes("\(folder)/\($0)")) })
    }
  }

  @Test func sameSeedSameBytes() throws {
    let first = try Self.bytes(seed: 7)
    #expect(try Self.bytes(seed: 7) == first)
    for (name, bytes) in try Self.bytes(seed: 8) { #expect(bytes != first[name], "\(name)") }
  }

  @Test func countsFallFromOverAThousandToOne() throws {
    let counts = try builtIn.training.dataset.categoryCounts(from: .annotations)
    let groups = try CategoryGroups(counts: counts)
    #expect(groups.classCount == 90)
    #expect(groups.classesByGroup.allSatisfy { $0.count >= 5 })
    let instances = counts.map(\.instances)
    #expect(instances.max() == 1_600 && instances.min() == 1)
    for frequency in LVISFrequency.allCases {
      #expect(builtIn.training.dataset.categories.count { $0.frequency == frequency } >= 10)
    }
  }

  @Test func statedCountsAreThoseOfTheTrainingAnnotations() throws {
    let counted = try builtIn.training.dataset.categoryCounts(from: .annotations)
    for split in [builtIn.training, builtIn.validation] {
      #expect(try split.dataset.categoryCounts(from: .categories) == counted)
      for (category, count) in zip(split.dataset.categories, counted) {
        #expect(category.frequency == LVISFrequency(trainingImageCount: count.images))
      }
    }
  }

  @Test func everyClassCanBeMeasuredInValidation() throws {
    let counts = try builtIn.validation.dataset.categoryCounts(from: .annotations)
    #expect(counts.allSatisfy { $0.instances >= 12 && $0.images >= 3 })
  }

  @Test func familiesHoldFrequentAndRareClasses() throws {
    let categories = builtIn.training.dataset.categories
    let families = Dictionary(grouping: categories) { $0.name.split(separator: " ")[0] }
    #expect(families.count == 18)
    for (name, family) in families {
      let counts = family.compactMap(\.statedInstanceCount)
      #expect((counts.max() ?? 0) > 300 && (counts.min() ?? 0) < 10, "\(name)")
    }
  }

  @Test func federatedLabelsAgreeWithTheAnnotations() {
    for split in [builtIn.training, builtIn.validation] {
      let present = Dictionary(grouping: split.dataset.annotations, by: \.imageID).mapValues {
        Set($0.map(\.categoryID))
      }
      var notExhaustive = 0
      for image in split.dataset.images {
        let categories = present[image.id] ?? []
        let negative = Set(image.negativeCategoryIDs ?? [])
        let open = Set(image.notExhaustiveCategoryIDs ?? [])
        #expect(negative.count == 10 && negative.isDisjoint(with: categories))
        #expect(open.isSubset(of: categories))
        notExhaustive += open.count
      }
      #expect(notExhaustive > 0)
    }
  }

  @Test func boxesLieInsideTheirImages() {
    for split in [builtIn.training, builtIn.validation] {
      let sizes = Dictionary(uniqueKeysWithValues: split.dataset.images.map { ($0.id, ($0.width, $0.height)) })
      for annotation in split.dataset.annotations {
        let (width, height) = sizes[annotation.imageID] ?? (0, 0)
        let box = annotation.box
        #expect(
          box.x >= 0 && box.y >= 0 && box.width >= 4 && box.height >= 4 && box.x + box.width <= Double(width)
            && box.y + box.height <= Double(height))
      }
      for image in split.rois {
        let (width, height) = sizes[image.imageID] ?? (0, 0)
        let isInside = stride(from: 0, to: image.boxes.count, by: 4).allSatisfy { corner in
          let box = image.boxes[corner..<corner + 4].map { $0 }
          return box[0] >= 0 && box[1] >= 0 && box[0] < box[2] && box[1] < box[3] && box[2] <= Float(width)
            && box[3] <= Float(height)
        }
        #expect(isInside, "image \(image.imageID)")
      }
    }
  }

  @Test func featuresArePartlyZeroAndExactInHalfPrecision() throws {
    for split in [builtIn.training, builtIn.validation] {
      var zeros = 0
      var count = 0
      for image in split.rois {
        #expect(image.features.allSatisfy { $0 >= 0 && $0 < 32 && ($0 * 64).rounded() == $0 * 64 })
        zeros += image.features.count { $0 == 0 }
        count += image.features.count
      }
      #expect((0.1..<0.5).contains(Double(zeros) / Double(count)))
    }
  }

  @Test func writtenSetReadsBackWithTheLabelsOfItsOverlaps() throws {
    try withTemporaryFolder { folder in
      let set = SyntheticDetectionSet(seed: 3, configuration: Self.small)
      try set.write(to: folder)
      for (split, annotations, name) in [
        (set.training, "annotations_train.json", "train"), (set.validation, "annotations_val.json", "val"),
      ] {
        let dataset = try LVISDataset(contentsOf: "\(folder)/\(annotations)")
        #expect(dataset.warnings.isEmpty)
        #expect(dataset.annotations.map(\.box) == split.dataset.annotations.map(\.box))
        let features = try FeatureSet(at: "\(folder)/\(name)")
        #expect(features.images.map(\.id) == dataset.images.map(\.id))
        #expect(try features.features(rows: 0..<features.roiCount) == split.rois.flatMap(\.features))
        let stated = try features.labels(categoryIDs: dataset.categories.map(\.id))
        #expect(try features.labels(assignedFrom: dataset) == stated)
        #expect(split.source.labels == stated?.classes)
        #expect(split.source.features == split.rois.flatMap(\.features))
        #expect((0..<split.source.imageCount).map(split.source.rows) == features.images.map(\.rows))
      }
    }
  }

  @Test func boxDeltasLeadTowardsTheObject() {
    var before = 0.0
    var after = 0.0
    for image in builtIn.validation.rois {
      guard let deltas = image.columns[.boxDeltas], let truth = image.columns[.groundTruthBoxes] else { continue }
      for (row, label) in (image.labels ?? []).enumerated() where label > 0 {
        // Displacement of the centre along x, in widths: what dx should be, and what is left after it.
        let box = image.boxes[4 * row..<4 * row + 4].map { Double($0) }
        let target = truth[4 * row..<4 * row + 4].map { Double($0) }
        let way = ((target[0] + target[2]) - (box[0] + box[2])) / 2 / (box[2] - box[0])
        before += abs(way)
        after += abs(way - Double(deltas[4 * row]))
      }
    }
    #expect(after < 0.6 * before)
  }
}
