import BalancedGroupSoftmax

/// Scores the detections of a page: the first as they are, the others beside them with paired intervals.
struct ReportedDetections {
  /// The annotations of their images; `nil` where none were given.
  let truth: LVISDataset?
  /// The file of the annotations.
  let annotations: String
  private var first: (name: String, path: String)?
  private var shown: [DataFinding] = []

  init(truth: LVISDataset?, annotations: String) {
    self.truth = truth
    self.annotations = annotations
  }

  /// Scores a results file.
  ///
  /// - Throws: `CommandFailure` where there are no annotations, or they are of other classes; what is wrong with the file.
  mutating func evaluation(of path: String, named name: String, groups: CategoryGroups?) throws -> EvaluationDocument {
    guard let truth else {
      throw CommandFailure("\(path): detections are scored against the annotations of their images: give --annotations")
    }
    let evaluator = try LVISEvaluator(groundTruth: truth, options: options(for: truth, groups: groups))
    show(evaluator.warnings)
    var analyses = EvaluationAnalyses()
    (analyses.confusion, analyses.labelErrors) = (true, true)
    analyses.calibration = true
    analyses.comparedResults = first?.path
    let progress = ProgressLine("bootstrap")
    defer { progress.finish() }
    func scored() throws -> EvaluationFindings {
      try evaluator.findings(resultsAt: path, analyses: analyses) { progress.update($0) }
    }
    let findings: EvaluationFindings
    do {
      findings = try scored()
    } catch let error as EvaluationError where error.code == .scoreRange {
      // Scores that are no probabilities have no calibration.
      analyses.calibration = false
      findings = try scored()
    }
    show(findings.result.warnings)
    var document = EvaluationDocument(findings, groups: groups)
    document.comparison?.otherName = first?.name
    if first == nil { first = (name, path) }
    return document
  }

  private func options(for truth: LVISDataset, groups: CategoryGroups?) throws -> EvaluationOptions {
    var options = EvaluationOptions(keepsCurves: true)
    guard let groups else { return options }
    guard groups.members.map(\.id) == truth.categories.map(\.id) else {
      throw CommandFailure(
        "\(annotations): its \(truth.categories.count) categories are not the \(groups.classCount) of the groups; "
          + "a page is about one data set")
    }
    options.groups = groups
    if truth.categories.allSatisfy({ $0.frequency == nil }) {
      options.frequencies = Dictionary(
        groups.members.map { ($0.id, LVISFrequency(trainingImageCount: $0.imageCount)) }
      ) { $1 }
    }
    return options
  }

  /// Says each thing once.
  private mutating func show(_ findings: [DataFinding]) {
    var new = findings.filter { !shown.contains($0) }
    shown += new
    for index in new.indices where new[index].code == .categoriesWithoutFrequency {
      new[index].remedy = "a groups file, --groups, has the counts that tell it"
    }
    for finding in new {
      if finding.severity == .note {
        StandardStreams.note("note: \(finding.line)")
      } else {
        StandardStreams.warn(finding.line)
      }
    }
  }
}
