import ArgumentParser
import DetectionHeads
import Foundation
import LVISDatasets
import LVISEvaluation

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Score detections as LVIS does: AP, APr, APc, APf and the rest.",
    discussion: """
      The numbers are those of lvis-api, to 1e-12: federated labels, 300 detections an image, r/c/f by the category's \
      frequency. Where the ground truth lacks what LVIS needs, it is taken as COCO-style, and a warning says what that \
      means.

      EXAMPLES
        bags evaluate --annotations lvis_v1_val.json --results results.json
        bags evaluate --annotations lvis_v1_val.json --results results.json --groups groups.json --per-class
        bags evaluate --annotations lvis_v1_val.json --results results.json --format json > metrics.json
      """)

  @OptionGroup(title: "Input") var input: EvaluationInputOptions
  @OptionGroup(title: "Rules") var ruleOptions: EvaluationRuleOptions

  @Flag(help: "Show every class too.")
  var perClass = false

  @OptionGroup var format: FormatOptions

  func run() throws {
    let evaluator = try input.makeEvaluator(ruleOptions)
    let result = try evaluator.evaluate(resultsAt: input.results)
    for note in result.notes { StandardStreams.warn("\(note)") }
    if format.isJSON {
      try printJSON(EvaluationReport(result, perClass: perClass))
    } else {
      StandardStreams.result(EvaluationTables.metrics(result))
      if perClass { StandardStreams.result("\n" + EvaluationTables.classes(result)) }
    }
  }
}
