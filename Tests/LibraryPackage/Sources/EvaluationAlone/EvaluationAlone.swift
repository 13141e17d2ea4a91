import LVISEvaluation

/// The metrics of a results file, by name, or the file that cannot be read: what a program needs that only evaluates.
public func metrics(annotations: String, results: String) throws -> Result<[String: Double], FileError> {
  do {
    let groundTruth = try LVISDataset(contentsOf: annotations)
    return .success(try LVISEvaluator(groundTruth: groundTruth).evaluate(resultsAt: results).metricsByName)
  } catch let error as FileError {
    return .failure(error)
  }
}
