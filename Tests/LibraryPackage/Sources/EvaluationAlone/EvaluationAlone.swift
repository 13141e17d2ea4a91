import LVISEvaluation

/// The metrics of a results file, by name: what a program needs that only evaluates.
public func metrics(annotations: String, results: String) throws -> [String: Double] {
  let groundTruth = try LVISDataset(contentsOf: annotations)
  return try LVISEvaluator(groundTruth: groundTruth).evaluate(resultsAt: results).metricsByName
}
