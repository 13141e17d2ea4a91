import FeatureSets
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

/// What all of a feature set shows; each finding on a set that has the fault, and one that has not.
@Suite struct FeatureSetInspectionTests {
  private func inspect(
    _ set: FaultlessSet, groups: CategoryGroups? = nil, as elementType: TensorElementType = .float32
  ) throws -> FeatureSetInspection {
    try withTemporaryFolder { folder in
      try set.writeFeatures(to: "\(folder)/f", as: elementType)
      return try FeatureSetInspection(FeatureSet(at: "\(folder)/f"), dataset: set.dataset, groups: groups)
    }
  }

  private func findings(_ change: (inout FaultlessSet) -> Void) throws -> [DataFinding] {
    var set = FaultlessSet()
    change(&set)
    return try inspect(set).findings
  }

  /// Changes every feature; it is told the image, the place there and the number.
  private func changeFeatures(_ set: inout FaultlessSet, _ change: (Int, Int, Float) -> Float) {
    for image in set.images.indices {
      for place in set.images[image].features.indices {
        set.images[image].features[place] = change(image, place, set.images[image].features[place])
      }
    }
  }

  @Test func aFaultlessSetHasNone() throws {
    let inspection = try inspect(FaultlessSet())
    #expect(inspection.findings == [])
    #expect(inspection.rois == 288 && inspection.images == 24 && inspection.foreground == 144)
    #expect(inspection.features == 16 && inspection.statesLabels)
    #expect(inspection.roisPerImage == .init(least: 12, median: 12, greatest: 12))
    #expect(inspection.scale > 1 && inspection.scale < 4)
    #expect(inspection.recall == [ProposalRecall(name: "all", objects: 144, found: 144, foundClosely: 144)])
    // Without annotations.
    try withTemporaryFolder { folder in
      try FaultlessSet().writeFeatures(to: "\(folder)/f")
      let alone = try FeatureSetInspection(FeatureSet(at: "\(folder)/f"), dataset: nil)
      #expect(alone.findings == [] && alone.foreground == nil && alone.recall == [])
    }
  }

  @Test func featuresThatAreNotFinite() throws {
    let fault = try #require(
      try findings { set in
        set.images[2].features[16 * 3 + 5] = .nan
        set.images[7].features[0] = .infinity
      }[.featuresNotFinite])
    #expect(fault.severity == .error && fault.count == 2)
    // Row 3 of the third image.
    #expect(fault.example?.contains("row 27") == true, "\(fault)")
  }

  @Test func featuresThatAreConstant() throws {
    let all = try #require(
      try findings { set in changeFeatures(&set) { _, place, _ in Float(place % 16) } }[.constantFeatures])
    #expect(all.severity == .error && all.count == 16)
    let few = try #require(
      try findings { set in changeFeatures(&set) { $1 % 16 < 3 ? 0 : $2 } }[.constantFeatures])
    #expect(few.severity == .note && few.count == 3 && few.example == "feature 0 is 0.0")
    let many = try #require(
      try findings { set in changeFeatures(&set) { $1 % 16 < 8 ? 0 : $2 } }[.constantFeatures])
    #expect(many.severity == .warning && many.count == 8)
  }

  @Test func featuresOfTheWholeImage() throws {
    let found = try findings { set in changeFeatures(&set) { image, place, _ in Float((image + place % 16) % 7) } }
    let fault = try #require(found[.featuresAlike])
    #expect(fault.severity == .error && fault.count == 24 && fault.example == "image 1")
  }

  @Test func featuresOfOddScale() throws {
    let large = try #require(try findings { set in changeFeatures(&set) { $2 * 1000 } }[.featureScale])
    #expect(large.severity == .warning && large.remedy?.contains("diverge") == true)
    let small = try #require(try findings { set in changeFeatures(&set) { $2 / 1000 } }[.featureScale])
    #expect(small.remedy?.contains("little is learned") == true)
    #expect(try findings { set in changeFeatures(&set) { $2 * 10 } }[.featureScale] == nil)
  }

  @Test func imagesWithASingleRoI() throws {
    let fault = try #require(
      try findings { set in
        for image in set.images.indices {
          set.images[image].features.removeLast(11 * 16)
          set.images[image].boxes.removeLast(11 * 4)
          set.images[image].labels?.removeLast(11)
        }
      }[.fewRoIs])
    #expect(fault.severity == .warning && fault.count == 24)
  }

  @Test func labelsThatAreNone() throws {
    let fault = try #require(try findings { $0.relabel { $0 == 5 ? 77 : $0 } }[.unknownLabels])
    #expect(fault.severity == .error && fault.message.contains("77 is none of the 5 categories"), "\(fault)")
  }

  @Test func boxesOfAnotherScaleAreErrorsHere() throws {
    let fault = try #require(try findings { $0.scaleBoxes(1 / 640, 1 / 480) }[.noOverlap])
    #expect(fault.severity == .error)
  }

  @Test func recallOfTheGroups() throws {
    // Class 1 is the most frequent; the RoIs of classes 3 to 5 are put beside their objects.
    var set = FaultlessSet(imageCount: 60)
    let rare: Set = [3, 4, 5]
    for image in set.images.indices {
      for (row, label) in (set.images[image].labels ?? []).enumerated() where rare.contains(label) {
        for place in 0..<4 { set.images[image].boxes[4 * row + place] = place < 2 ? 0 : 10 }
      }
    }
    set.removeLabels()
    let counts = try set.dataset.categoryCounts()
    let rareCount = counts.filter { rare.contains($0.id) }.reduce(0) { $0 + $1.instances }
    let boundary = counts.filter { rare.contains($0.id) }.map(\.instances).max() ?? 0
    let groups = try CategoryGroups(counts: counts, boundaries: [boundary + 1])
    let inspection = try inspect(set, groups: groups)
    #expect(
      inspection.recall == [
        ProposalRecall(name: "all", objects: 360, found: 360 - rareCount, foundClosely: 360 - rareCount),
        ProposalRecall(name: "G1", objects: rareCount, found: 0, foundClosely: 0),
        ProposalRecall(
          name: "G2", objects: 360 - rareCount, found: 360 - rareCount, foundClosely: 360 - rareCount),
      ])
    let fault = try #require(inspection.findings[.lowRecall])
    #expect(fault.severity == .warning && fault.count == rareCount)
    #expect(fault.message.contains("0 of \(rareCount) objects of G1"), "\(fault)")
  }

  @Test func recallOfAll() throws {
    let fault = try #require(
      try findings { set in
        for image in 0..<16 { for place in set.images[image].boxes.indices { set.images[image].boxes[place] /= 3 } }
        set.removeLabels()
      }[.lowRecall])
    #expect(fault.severity == .warning && fault.message.contains("of the 144 objects"), "\(fault)")
  }
}
