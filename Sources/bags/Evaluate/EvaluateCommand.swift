import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Score detections as LVIS does: AP, APr, APc, APf and the rest, and say what is wrong with them.",
    discussion: """
      The numbers are those of lvis-api, to 1e-12: federated labels, 300 detections an image, r/c/f by the category's \
      frequency. Where the ground truth lacks what LVIS needs, it is taken as COCO-style, and a warning says what that \
      means.

      Built with MPI, several processes divide the images: mpirun -n 8 bags evaluate … prints the same numbers.

      --classification scores whole images instead: top-1 accuracy of all classes, and with --groups of those with many, \
      medium and few training instances (more than 100, 20 to 100, fewer) and of each group, means over classes.

      EXAMPLES
        bags evaluate --annotations lvis_v1_val.json --results results.json
        bags evaluate --annotations lvis_v1_val.json --results results.json --groups groups.json --per-class --sort ap
        bags evaluate --annotations lvis_v1_val.json --results results.json --losses --errors --confusion
        bags evaluate --annotations lvis_v1_val.json --results results.json --intervals --calibration --shapes
        bags evaluate --annotations lvis_v1_val.json --results results.json --slice weather.csv --slice license
        bags evaluate --annotations lvis_v1_val.json --results results.json --label-errors-output suspects.csv
        bags evaluate --annotations lvis_v1_val.json --results bags.json --compare softmax.json --bootstrap 1000
        bags evaluate --annotations lvis_v1_val.json --results runs/bags --compare runs/softmax --format latex
        bags evaluate --annotations lvis_v1_val.json --results results.json --per-class-output classes.csv \
      --curves curves.csv
        bags evaluate --annotations lvis_v1_val.json --results results.json --output runs/bags/evaluation.json
        bags evaluate --classification labels.csv --results scores.csv --groups groups.json
      """)

  @OptionGroup(title: "Input") var input: EvaluationInputOptions
  @OptionGroup(title: "Rules") var ruleOptions: EvaluationRuleOptions
  @OptionGroup(title: "Classes") var classOptions: ClassTableOptions
  @OptionGroup(title: "Analysis") var analysis: EvaluationAnalysisOptions
  @OptionGroup(title: "Output") var outputs: EvaluationOutputOptions
  @OptionGroup var format: TableFormatOptions

  func validate() throws {
    try classOptions.validate(metrics: try ruleOptions.options().classMetricNames)
  }

  func run() throws {
    let ranks = try Ranks.joined()
    guard let annotations = input.annotations else {
      // Little work: the first process does it.
      if ranks.rank == 0, let labels = input.classification { try scoreClassification(labels) }
      return
    }
    let written = [
      (outputs.output, "--output"), (outputs.curves, "--curves"), (classOptions.perClassOutput, "--per-class-output"),
      (analysis.labels.labelErrorsOutput, "--label-errors-output"),
    ]
    var evaluator = try Ranks.agreed {
      if ranks.rank == 0 {
        for case (let path?, let option) in written { try outputs.overwriting.check(path, option: option) }
      }
      return try input.makeEvaluator(ruleOptions, keepsCurves: outputs.curves != nil)
    }
    evaluator.ranks = ranks
    let findings = try Ranks.together {
      try analysis.findings(evaluator, annotations: annotations, results: resultsPath(for: input.results))
    }
    // The first process has the metrics.
    if ranks.rank > 0 { return }
    StandardStreams.show(findings.warningsOfOther)
    StandardStreams.show(findings.result.warnings.filter { !evaluator.warnings.contains($0) })
    let names = ResultNames([analysis.compare, input.results].compactMap(\.self)).names
    var document = EvaluationDocument(findings, groups: evaluator.options.groups)
    document.comparison?.otherName = names.first
    document.warnings = document.warnings.map(\.withOption)
    document.sortClasses(by: classOptions.sort.lowercased(), isReversed: classOptions.reverse)
    if let path = classOptions.perClassOutput {
      try TableFormat.write(csv: document.classCSV, json: document.classes, to: path)
    }
    if let path = outputs.curves {
      try TableFormat.write(csv: findings.result.curveCSV, json: findings.result.curves(), to: path)
    }
    try analysis.labels.write(findings.labelErrors, annotations: annotations)
    if let path = outputs.output { try document.write(to: path) }
    if !classOptions.perClass { document.classes = nil }
    if format.isJSON {
      try printJSON(document)
    } else {
      var sections = [EvaluationTables.metrics(findings.result, findings.intervals)]
      if classOptions.perClass { sections.append(.table(classTable(document), caption: "Every class, in per cent.")) }
      let areas = evaluator.options.areaRanges.filter { $0.name != AreaRange.all.name }
      sections += EvaluationTables.sections(
        findings, areas: areas, names: (other: names.first ?? "", these: names.last ?? ""))
      format.show(sections)
    }
  }
}

/// The files that an evaluation writes.
struct EvaluationOutputOptions: ParsableArguments {
  @Option(
    help: .init(
      "Write everything that was asked for, and every class, as JSON: what `bags report` reads from a run's evaluation.json.",
      valueName: "file"))
  var output: String?

  @Option(
    help: .init(
      "Write precision over recall (IoU .5, .75 and the mean over all thresholds) of all classes, each frequency, each group and each class, as .csv or .json.",
      valueName: "file"))
  var curves: String?

  @OptionGroup var overwriting: OverwriteOptions

  func validate() throws { try TableFormat.check(curves, option: "--curves") }
}

/// A table's format, by the ending of its file's name.
enum TableFormat: String {
  case csv, json

  init?(path: String) { self.init(rawValue: (path as NSString).pathExtension.lowercased()) }

  /// Writes a table as the ending of the path says.
  static func write(csv: @autoclosure () -> String, json: @autoclosure () -> some Encodable, to path: String) throws {
    try DurableFile.write(TableFormat(path: path) == .json ? JSONDocument.text(json()) + "\n" : csv(), to: path)
  }

  /// - Throws: `ValidationError` for a path that ends otherwise.
  static func check(_ path: String?, option: String) throws {
    if let path, TableFormat(path: path) == nil {
      throw ValidationError("\(option) \(path): the name must end in .csv or .json, which says what is written")
    }
  }
}
