import LVISDatasets
import LVISEvaluation
import Testing

@Suite struct PrecisionRecallCurveTests {
  /// The mean of a curve is the AP of its classes.
  @Test func theMeanOfACurveIsTheAP() throws {
    var measured = 0
    for seed in 0..<UInt64(200) {
      var data = RandomData(seed: seed)
      data.options.keepsCurves = true
      data.options.groups = try CategoryGroups(
        of: Dictionary(data.dataset.categories.enumerated().map { ($1.id, $0 % 2) }) { $1 }, groupCount: 2)
      let result = try LVISEvaluator(groundTruth: data.dataset, options: data.options).evaluate(data.columns)
      for curve in result.curves() {
        #expect(curve.precisions.count == PrecisionRecallCurve.recalls.count)
        #expect(zip(curve.precisions, curve.precisions.dropFirst()).allSatisfy { $0 >= $1 }, "seed \(seed)")
        let name =
          switch curve.subject {
          case .split(.all), .category: "AP"
          case .split(.frequency(let frequency)): "AP" + (frequency?.rawValue ?? "–")
          case .split(.group(let group)): "AP\(group + 1)"
          }
        let suffix = curve.threshold == 0.5 ? "50" : curve.threshold == 0.75 ? "75" : ""
        var value = result[name + suffix]
        if case .category(let id, _) = curve.subject {
          value = result.classes.first { $0.id == id }?[name + suffix]
        }
        // Neither are there APr at one threshold, nor APr under COCO's rules.
        guard let value else { continue }
        measured += 1
        #expect(abs(curve.precisions.reduce(0, +) / 101 - value) < 1e-12, "seed \(seed) \(curve.subject) \(suffix)")
      }
    }
    #expect(measured > 1000)
  }

  /// Two objects; right, wrong, right: precision 1 up to recall .5, 2/3 up to 1.
  @Test func byHand() throws {
    let boxes = [0.0, 20, 40].map { BoundingBox(x: $0, y: 0, width: 10, height: 10) }
    let dataset = LVISDataset(
      images: [LVISImage(id: 1, width: 60, height: 20, negativeCategoryIDs: [], notExhaustiveCategoryIDs: [])],
      categories: [LVISCategory(id: 1, name: "a", frequency: .rare), LVISCategory(id: 2, name: "b")],
      annotations: [0, 2].map { LVISAnnotation(id: $0 + 1, imageID: 1, categoryID: 1, box: boxes[$0]) })
    var options = EvaluationOptions()
    options.keepsCurves = true
    let detections = (0..<3).map {
      Detection(imageID: 1, categoryID: 1, box: boxes[$0], score: 1 - Double($0) / 10)
    }
    let result = try LVISEvaluator(groundTruth: dataset, options: options).evaluate(detections)
    let curves = result.curves()
    // All, r and the one class with objects, each for the mean and for IoU .5 and .75.
    #expect(
      curves.map(\.subject) == [ClassSplit.all, .frequency(.rare)].flatMap { s in (0..<3).map { _ in .split(s) } }
        + (0..<3).map { _ in .category(id: 1, name: "a") })
    #expect(curves.map(\.threshold) == [nil, 0.5, 0.75, nil, 0.5, 0.75, nil, 0.5, 0.75])
    for curve in curves {
      #expect(curve.classCount == 1)
      for (recall, precision) in zip(PrecisionRecallCurve.recalls, curve.precisions) {
        #expect(abs(precision - (recall <= 0.5 ? 1 : 2.0 / 3)) < 1e-12, "\(recall)")
      }
    }
    #expect(result.curves(at: [0.33], includingClasses: false).count == 2)
    options.keepsCurves = false
    #expect(try LVISEvaluator(groundTruth: dataset, options: options).evaluate(detections).curves().isEmpty)
  }
}
