import CBagsEvaluation
import EvaluationInterface
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// The functions of `bags_evaluation.h`.
@Suite struct EvaluationInterfaceTests {
  private let truth = goldenPath("evaluation/edge_gt.json")
  private let results = goldenPath("evaluation/edge_dt_bbox.json")

  private func text(_ body: (UnsafeMutablePointer<CChar>, Int64) -> Void) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
      buffer.initialize(repeating: 0)
      guard let start = buffer.baseAddress else { return "" }
      body(start, 4096)
      return String(cString: start)
    }
  }

  @Test func filesAndBuffersGiveTheMetricsOfTheLibrary() throws {
    let expected = try LVISEvaluator(groundTruth: LVISDataset(contentsOf: truth)).evaluate(resultsAt: results)
    var options = bags_options()
    let evaluation = try #require(bags_evaluation_create(nil, truth, &options, nil, 0))
    defer { bags_evaluation_destroy(evaluation) }
    let sizes = bags_evaluation_sizes(evaluation)
    #expect([sizes.thresholds, sizes.recalls, sizes.areas, sizes.limits] == [10, 101, 4, 1])
    #expect(Int(sizes.categories) == expected.classes.count && Int(sizes.metrics) == expected.metrics.count)
    let names = text { _ = bags_evaluation_metric_names(evaluation, $0, $1) }
    #expect(names == expected.metrics.map(\.name).joined(separator: "\n"))

    var metrics = [Double](repeating: .nan, count: Int(sizes.metrics))
    var precision = [Double](repeating: .nan, count: Int(10 * 101 * sizes.categories * 4))
    #expect(bags_evaluation_score(evaluation, nil, results, &metrics, &precision, nil, nil, nil, 0) == 0)
    #expect(metrics == expected.metrics.map { $0.value ?? -1 })
    let known = precision.filter { $0 > -1 }
    let columns = try DetectionColumns(contentsOfResults: results)
    #expect(!known.isEmpty && !precision.contains { $0.isNaN } && columns.count > 0)

    let (images, categories) = (columns.imageIDs.map(Int64.init), columns.categoryIDs.map(Int64.init))
    let boxes = columns.boxes.flatMap { [$0.x, $0.y, $0.width, $0.height] }
    var again = [Double](repeating: .nan, count: metrics.count)
    images.withUnsafeBufferPointer { images in
      categories.withUnsafeBufferPointer { categories in
        boxes.withUnsafeBufferPointer { boxes in
          columns.scores.withUnsafeBufferPointer { scores in
            var detections = bags_detections(
              count: Int64(scores.count), image_ids: images.baseAddress, category_ids: categories.baseAddress,
              boxes: boxes.baseAddress, scores: scores.baseAddress, masks: bags_masks())
            #expect(bags_evaluation_score(evaluation, &detections, nil, &again, nil, nil, nil, nil, 0) == 0)
          }
        }
      }
    }
    #expect(again == metrics)
  }

  @Test func faultsAreWrittenAsMuchAsFits() {
    var options = bags_options()
    let whole = text { #expect(bags_evaluation_create(nil, "/nowhere.json", &options, $0, $1) == nil) }
    #expect(whole == "/nowhere.json: cannot open: No such file or directory")
    let cut = text { buffer, _ in _ = bags_evaluation_create(nil, "/nowhere.json", &options, buffer, 9) }
    #expect(cut == "/nowhere")
    let none = text { #expect(bags_evaluation_score(nil, nil, nil, nil, nil, nil, nil, $0, $1) == -1) }
    #expect(none == "there is no evaluation" && bags_evaluation_sizes(nil).categories == 0)
  }
}
