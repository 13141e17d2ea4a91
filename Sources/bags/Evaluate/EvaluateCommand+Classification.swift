import BalancedGroupSoftmax
import DurableFiles

extension EvaluateCommand {
  /// Scores class scores of whole images.
  ///
  /// - Parameter path: The labels.
  func scoreClassification(_ path: String) throws {
    let refused = [
      ("--compare", analysis.compare != nil), ("--curves", outputs.curves != nil),
      ("--per-class-output", classOptions.perClassOutput != nil), ("--per-class", classOptions.perClass),
      ("--frequency-from", input.frequencyFrom != nil), ("--losses", analysis.losses), ("--errors", analysis.errors),
      ("--confusion", analysis.confusion), ("--calibration", analysis.calibration),
      ("--intervals", analysis.intervals), ("--shapes", analysis.shapes), ("--slice", !analysis.sliced.isEmpty),
      ("--label-errors", analysis.labels.isAsked),
    ]
    if let option = refused.first(where: \.1)?.0 {
      throw CommandFailure("\(option) is for detections; --classification scores top-1 accuracy alone")
    }
    if let output = outputs.output { try outputs.overwriting.check(output) }
    let predictions = try ClassPredictions(contentsOf: input.results)
    let groups = try input.groups.map { try CategoryGroups(contentsOf: $0) }
    if let groups, !Set(predictions.categoryIDs).isSubset(of: groups.members.map(\.id)) {
      throw CommandFailure(
        "\(input.groups ?? ""): lacks categories that \(input.results) scores; make it from the same data set")
    }
    let accuracy = try ClassificationAccuracy(predictions, labels: ClassLabels(contentsOf: path), groups: groups)
    if accuracy.unlabelledImages > 0 {
      StandardStreams.note("\(path): \(grouped(accuracy.unlabelledImages)) images with scores have no label there")
    }
    if let output = outputs.output { try DurableFile.write(JSONDocument.text(accuracy) + "\n", to: output) }
    guard !format.isJSON else { return try printJSON(accuracy) }
    var table = TextTable([("classes", .left), ("number", .right), ("images", .right), ("top-1 %", .right)])
    for part in accuracy.parts {
      table.add([part.name, grouped(part.classes), grouped(part.images), EvaluationTables.percent(part.accuracy)])
    }
    format.show([
      .table(table, caption: "Top-1 accuracy in per cent, means over classes."),
      .text("of all images \(EvaluationTables.percent(accuracy.top1)) % are right"),
    ])
  }
}
