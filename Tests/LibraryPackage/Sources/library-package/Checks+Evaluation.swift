import BalancedGroupSoftmax
import EvaluationAlone

extension Checks {
  /// Scores a results file by a module that imports the evaluation alone.
  mutating func evaluateAlone() throws {
    try ExampleFiles.writeResults(of: LinearHead(contentsOf: "head.safetensors"), to: "results.json")
    let alone = try metrics(annotations: "lvis_v1_val.json", results: "results.json").get()
    check(alone["AP"].map { $0 > 0 } == true, "LVISEvaluation alone scores a results file")
    if case .failure(let error) = try metrics(annotations: "lvis_v1_val.json", results: "none.json") {
      check(error.path == "none.json", "a file that is missing is named")
    } else {
      check(false, "a file that is missing is an error")
    }
  }
}
