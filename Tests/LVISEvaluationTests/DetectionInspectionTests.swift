import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// What detections show beside the ground truth; each finding on detections that have the fault, and some that have not.
@Suite struct DetectionInspectionTests {
  private func findings(_ change: (inout [Detection]) -> Void, cap: Int = 300) throws -> [DataFinding] {
    let set = FaultlessSet()
    var detections = set.detections
    change(&detections)
    var options = EvaluationOptions()
    options.maxDetectionsPerImage = cap
    let evaluator = try LVISEvaluator(groundTruth: set.dataset, options: options)
    return evaluator.inspection(of: try evaluator.prepare(DetectionColumns(detections)))
  }

  @Test func faultlessDetectionsHaveNone() throws {
    #expect(try findings { _ in } == [])
  }

  @Test func imagesWithoutDetections() throws {
    let few = try #require(try findings { $0.removeAll { $0.imageID == 5 } }[.imagesWithoutDetections])
    #expect(few.severity == .note && few.count == 1 && few.example == "image 5")
    let many = try #require(try findings { $0.removeAll { $0.imageID < 9 } }[.imagesWithoutDetections])
    #expect(many.severity == .warning && many.count == 8)
  }

  @Test func classesWithoutDetections() throws {
    let rare = try #require(try findings { $0.removeAll { $0.categoryID == 5 } }[.classesWithoutDetections])
    #expect(rare.severity == .note && rare.count == 1 && rare.example == "category 5 (class 5)")
    let most = try #require(try findings { $0.removeAll { $0.categoryID > 1 } }[.classesWithoutDetections])
    #expect(most.severity == .warning && most.count == 4)
  }

  @Test func detectionsThatStandTwice() throws {
    let fault = try #require(try findings { $0 += $0.prefix(10) }[.repeatedDetections])
    #expect(fault.severity == .warning && fault.count == 10 && fault.example == "results[144]")
  }

  @Test func detectionsBeyondTheCap() throws {
    let fault = try #require(try findings({ _ in }, cap: 4)[.cappedDetections])
    #expect(fault.severity == .note && fault.count == 48 && fault.message.contains("4 an image"))
  }

  @Test func noDetectionsAreSaidOnce() throws {
    #expect(try findings { $0 = [] }.map(\.code) == [.noDetections])
  }
}
