import FeatureSets
import LVISDatasets
import TestSupport
import Testing

/// What RoIs and labels say beside the annotations; each finding on a set that has the fault, and one that has not.
@Suite struct RoIFindingsTests {
  private func findings(_ set: FaultlessSet, sampling: RoISampling = .quick) throws -> [DataFinding] {
    try withTemporaryFolder { folder in
      try set.writeFeatures(to: "\(folder)/f")
      let features = try FeatureSet(at: "\(folder)/f")
      let stated = try features.labels(categoryIDs: set.dataset.categories.map(\.id))
      let labels = try stated ?? features.labels(assignedFrom: set.dataset)
      return try LabelledFeatureSet(features, labels: labels).findings(against: set.dataset, sampling: sampling)
    }
  }

  private func findings(_ change: (inout FaultlessSet) -> Void) throws -> [DataFinding] {
    var set = FaultlessSet()
    change(&set)
    return try findings(set)
  }

  @Test(arguments: [true, false]) func aFaultlessSetHasNone(hasLabels: Bool) throws {
    #expect(try findings { if !hasLabels { $0.removeLabels() } } == [])
    #expect(try findings(FaultlessSet(categoryIDs: [0, 3, 90]), sampling: .all) == [])
  }

  @Test func labelsFromZeroWithBackgroundLast() throws {
    let found = try findings { $0.relabel { $0 < 0 ? 5 : $0 - 1 } }
    let fault = try #require(found[.labelsAstray])
    #expect(fault.severity == .error && found.count == 1)
    #expect(fault.message.contains("144 are labelled 5, but overlap no annotation of 5"), "\(fault)")
    #expect(fault.remedy?.contains("do the labels count from 0 with background last?") == true, "\(fault)")
  }

  @Test func labelsFromZeroWithBackgroundMinusOne() throws {
    let fault = try #require(try findings { $0.relabel { $0 < 0 ? -1 : $0 - 1 } }[.labelsAstray])
    #expect(fault.severity == .error && fault.remedy?.contains("do the labels count from 0?") == true, "\(fault)")
  }

  @Test func labelsOfAnotherOrder() throws {
    let fault = try #require(try findings { $0.relabel { [1: 2, 2: 1, 3: 4, 4: 5, 5: 3][$0] ?? $0 } }[.labelsAstray])
    #expect(fault.severity == .error && fault.remedy?.contains("is the order of the detector's classes") == true)
    #expect(fault.remedy?.contains("labelled 2 lie on objects of 1") == true, "\(fault)")
  }

  @Test func someLabelsAstray() throws {
    // Of one class alone, a share that may be an accident.
    let fault = try #require(try findings { $0.relabel { $0 == 2 ? 3 : $0 } }[.labelsAstray])
    #expect(fault.severity == .warning && fault.message.contains("are labelled 3"), "\(fault)")
  }

  @Test func allBackground() throws {
    let found = try findings { $0.relabel { _ in -1 } }
    let fault = try #require(found[.noForeground])
    #expect(fault.severity == .error && fault.count == 288 && found.count == 1)
    #expect(fault.message == "all 288 RoIs are labelled background, so there is nothing to learn")
    // Without annotations too.
    var set = FaultlessSet()
    set.relabel { _ in 0 }
    try withTemporaryFolder { folder in
      try set.writeFeatures(to: folder)
      let features = try FeatureSet(at: folder)
      let labels = try #require(try features.labels(categoryIDs: [1, 2, 3, 4, 5]))
      #expect(try LabelledFeatureSet(features, labels: labels).findings(against: nil)[.noForeground] != nil)
    }
  }

  @Test func boxesAsFractions() throws {
    let assigned = try findings {
      $0.removeLabels()
      $0.scaleBoxes(1 / 640, 1 / 480)
    }
    let fault = try #require(assigned[.noOverlap])
    #expect(fault.severity == .error && fault.count == 288 && assigned.count == 1)
    #expect(fault.remedy?.contains("fractions of the image's width and height") == true, "\(fault)")
    // Stated labels can be trained on, wherever the boxes lie.
    let stated = try findings { $0.scaleBoxes(1 / 640, 1 / 480) }
    #expect(stated.map(\.code) == [.noOverlap] && stated[0].severity == .warning, "\(stated)")
  }

  @Test func boxesOfAResizedImage() throws {
    let found = try findings {
      $0.removeLabels()
      $0.scaleBoxes(4, 4)
    }
    let fault = try #require(found[.noOverlap])
    #expect(fault.severity == .error && fault.remedy?.contains("resized image") == true, "\(fault)")
    #expect(fault.remedy?.contains("times the images' size") == true)
  }

  @Test func someBoxesBeyondTheirImages() throws {
    let fault = try #require(
      try findings { set in
        for image in 0..<4 { for place in set.images[image].boxes.indices { set.images[image].boxes[place] *= 3 } }
      }[.roisBeyondImage])
    #expect(fault.severity == .warning && fault.example?.contains("image 1:") == true, "\(fault)")
    // A few pixels are no fault.
    #expect(try findings { $0.scaleBoxes(1.02, 1.02) }[.roisBeyondImage] == nil)
  }

  @Test func boxesWithoutArea() throws {
    let fault = try #require(
      try findings { set in
        for image in set.images.indices { set.images[image].boxes.replaceSubrange(4..<8, with: [0, 0, 0, 0]) }
      }[.emptyRoIs])
    #expect(fault.severity == .warning && fault.count == 24)
  }

  @Test func boxesThatStandTwice() throws {
    let fault = try #require(
      try findings { set in
        for image in set.images.indices {
          let copy = Array(set.images[image].boxes[4..<8])
          set.images[image].boxes.replaceSubrange(12..<16, with: copy)
          set.images[image].boxes.replaceSubrange(20..<24, with: copy)
        }
      }[.repeatedRoIs])
    #expect(fault.severity == .warning && fault.count == 48)
  }

  @Test func imagesOfOneSide() throws {
    let unknown = try #require(try findings { $0.dataset.images.removeLast(2) }[.roisOfUnknownImages])
    #expect(unknown.severity == .warning && unknown.count == 2 && unknown.example == "image 23")
    let others = try #require(
      try findings { set in
        for image in set.images.indices { set.images[image].imageID += 1000 }
      }[.roisOfUnknownImages])
    #expect(others.severity == .error && others.count == 24)
    let missing = try #require(try findings { $0.images.removeFirst(3) }[.imagesWithoutRoIs])
    #expect(missing.severity == .warning && missing.count == 3 && missing.example == "image 1")
    // An image without objects is often left out on purpose.
    let bare = try findings { $0.dataset.images.append(LVISImage(id: 99, width: 640, height: 480)) }
    #expect(bare == [])
  }

  @Test func labelsThatAreNoneSayWhy() throws {
    func message(_ ids: [Int], _ relabel: (Int) -> Int) throws -> String {
      var set = FaultlessSet(categoryIDs: ids)
      set.relabel(relabel)
      let error = #expect(throws: FeatureSetError.self) { try findings(set) }
      return error?.description ?? ""
    }
    let ids = [1, 3, 4, 7, 9]
    func place(_ id: Int) -> Int? { ids.firstIndex(of: id) }
    let fromZero = try message(ids) { place($0) ?? 5 }
    #expect(fromZero.contains("do the labels count from 0, with background last (5)?"), "\(fromZero)")
    let places = try message(ids) { place($0) ?? -1 }
    #expect(places.contains("are the labels places in the list of categories?"), "\(places)")
    let others = try message(ids) { $0 * 100 }
    #expect(others.contains("labels are category ids"), "\(others)")
  }

  @Test func aSampleIsEnough() throws {
    var set = FaultlessSet(imageCount: 400)
    let sampling = RoISampling(imageLimit: 30, roiLimit: 4)
    #expect(try findings(set, sampling: sampling) == [])
    set.relabel { $0 < 0 ? 5 : $0 - 1 }
    let fault = try #require(try findings(set, sampling: sampling)[.labelsAstray])
    #expect(fault.severity == .error && fault.count <= 120)
  }
}
