import LVISEvaluation
import TestSupport
import Testing

/// Several processes divide the images; the first one comes to the metrics of all.
@Suite struct SharedEvaluationTests {
  @Test(arguments: [1, 2, 3, 5])
  func theMetricsAreThoseOfOneProcess(count: Int) throws {
    let results = try ThreadRanks.run(count) { ranks in
      var evaluator = try LVISEvaluator(
        groundTruth: GoldenData.groundTruth(masks: true), options: .init(iouType: .segm))
      evaluator.ranks = ranks
      var analyses = EvaluationAnalyses()
      analyses.losses = true
      analyses.comparedResults = goldenPath("evaluation/edge_dt_segm.json")
      analyses.replicates = 0
      return try evaluator.findings(resultsAt: goldenPath("evaluation/edge_dt_both.json"), analyses: analyses)
    }
    try GoldenData.expect(results[0].result, equals: "expected_edge_bothfile_segm")
    #expect(results[0].losses != nil && results[0].comparison != nil)
    #expect(results.count == count)
  }

  /// A file that one process cannot read ends all of them.
  @Test func anErrorIsThatOfAll() throws {
    let errors = try ThreadRanks.run(2) { ranks in
      var evaluator = try LVISEvaluator(groundTruth: GoldenData.groundTruth())
      evaluator.ranks = ranks
      let path = ranks.rank == 0 ? goldenPath("evaluation/edge_dt_both.json") : "nowhere.json"
      do {
        _ = try evaluator.findings(resultsAt: path)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(errors[0] == errors[1] && errors[0].hasPrefix("nowhere.json: "), "\(errors)")
  }
}
