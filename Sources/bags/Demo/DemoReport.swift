import BalancedGroupSoftmax
import DurableFiles

/// The report of a demo: its numbers as tables, its figure, and a text that explains both.
struct DemoReport {
  let metrics: DemoMetrics
  private let set: SyntheticDetectionSet
  private let outcomes: [DemoExperiment.Outcome]
  private let norms: WeightNormComparison
  /// Those of the published recipes, which the figure shows.
  private let shownNorms: WeightNormComparison

  private static let columns = ["AP", "AP50", "APr", "APc", "APf", "AP1", "AP2", "AP3", "AP4"]

  init(set: SyntheticDetectionSet, outcomes: [DemoExperiment.Outcome]) throws {
    guard let groups = outcomes.first?.head.groups else { throw CommandFailure("nothing was trained") }
    self.set = set
    self.outcomes = outcomes
    norms = try WeightNormComparison(
      groups: groups, heads: outcomes.map { HeadNorms(name: $0.name, head: $0.head, groups: groups) })
    shownNorms = try WeightNormComparison(groups: groups, heads: Array(norms.heads.prefix(2)))
    metrics = DemoMetrics(seed: set.seed, outcomes: outcomes, norms: norms)
  }

  /// Writes everything but data and runs.
  ///
  /// - Parameters:
  ///   - folder: Where to.
  ///   - final: Where it will stand, for the commands in the text.
  func write(to folder: DemoFolder, shownAs final: DemoFolder) throws {
    let chart = shownNorms.chart(source: "Synthetic set, seed \(set.seed).")
    try ImageFormat.svg.write(chart.rendered(), to: folder.weightNorms + ".svg")
    try DurableFile.write(norms.csv, to: folder.weightNorms + ".csv")
    let precisions = try APComparison(
      zip(outcomes, metrics.methods).map { .init(name: $1.method, method: $0.head.method, metrics: $1.metrics) })
    try ImageFormat.svg.write(precisions.chart.rendered(), to: folder.averagePrecision + ".svg")
    try DurableFile.write(precisions.csv, to: folder.averagePrecision + ".csv")
    try DurableFile.write(try JSONDocument.text(metrics) + "\n", to: folder.metrics)
    try DurableFile.write(text(final), to: folder.readme)
    let runs = try NamedHead.all(outcomes.map { folder.run($0.name).path })
    try DurableFile.write(try ReportPage(try runs.map(ReportedRun.init)).html(), to: folder.page)
  }

  // MARK: Tables

  /// For each row its percentages, then what its weight norms come to.
  var table: TextTable {
    let numbers = ["rate"] + Self.columns + ["norm–count", "tail/head"]
    var table = TextTable([("%", .left)] + numbers.map { ($0, .right) })
    for (outcome, summary) in zip(outcomes, norms.summaries) {
      table.add(
        [outcome.name, settingText(outcome.learningRate)] + Self.columns.map { NumberText.percent(outcome.result[$0]) }
          + [summary.rankCorrelation, summary.tailToHead].map { $0.map { NumberText.fixed($0, digits: 2) } ?? "–" })
    }
    return table
  }

  // MARK: Text

  private func text(_ final: DemoFolder) -> String {
    let softmax = TrainingMethod.softmax.name
    let bags = TrainingMethod.bags.name
    let folder = final.path
    return """
      # What balanced group softmax does to a long tail

      Made by `bags demo --seed \(set.seed)` (\(Program.name)). A softmax classifier and balanced group softmax \
      (BAGS) were trained on the same RoI features with the same settings, then scored by LVIS's rules. The learning rate \
      moves both by more than they differ, so the next rows have rates of their own, picked on held-out training images. \
      The last starts from the first, as from the head that a detector has, on class-balanced images. The data are \
      synthetic: they show the mechanism and do not predict what a real detector gains.

      \(table.markdown)

      APr, APc and APf are LVIS's rare, common and frequent classes, by training images; AP1 to AP4 are the groups of \
      BAGS, by training instances. Norm–count is the rank correlation of a class's weight norm with its instances, \
      tail/head the mean norm of the rarest group over that of the most frequent.

      \(norms.groups.table.markdown)

      ![Weight norms by class frequency](weightnorms.svg)

      ![AP by class frequency](ap.svg)

      ## What one sees

      - **AP1, AP2**: classes with few instances. Every RoI of another class pushes their logits down, few push them up; \
      softmax leaves their weight rows short, and they lose against every frequent class. BAGS lets a class compete only \
      with classes of like frequency and with a bounded number of `others`.
      - **AP3, AP4**: classes with many instances, which have little to lose by it.
      - **Norm–count, tail/head** and the first figure: with a rank correlation near 1 and a tail/head near 0, the \
      weights repeat the counts of the training data. At a tail/head of 1 they are balanced.

      ## The data

      \(set.summary), \(set.configuration.trainingRoIsPerImage) and \(set.configuration.validationRoIsPerImage) RoIs an \
      image, \(set.configuration.featureLength) features each. Classes come in families whose members resemble each \
      other; the detector that the features stand for has learned less of what makes a rare class. Some objects are not \
      labelled, some resemble a class and are none, and labels are federated, as in LVIS.

      ## The files

      | file | what |
      |---|---|
      | `report.html` | the runs on one page: training, weight norms, AP, precision and recall, scores, confusion |
      | `metrics.json` | every metric of all rows, as fractions |
      | `weightnorms.svg`, `ap.svg`, `.csv` | the figures and their data |
      | `data/` | the annotations and feature sets, in the formats of one's own data |
      | `runs/` | the runs, one a row: `head.safetensors`, `run.json`, `groups.json`, `metrics.jsonl`, \
      `results.json`, `evaluation.json` |

      ## Step by step

      The same by hand; with a checkout of the sources, put `swift run -c release` before each line. On your own data only \
      the paths change.

      ```
      bags group \(folder)/data/annotations_train.json
      bags train --method \(softmax) --features \(folder)/data/train --annotations \
      \(folder)/data/annotations_train.json --seed \(set.seed) --output runs/\(softmax)
      bags train --method \(bags) --features \(folder)/data/train --annotations \
      \(folder)/data/annotations_train.json --seed \(set.seed) --output runs/\(bags)
      bags predict runs/\(bags) --features \(folder)/data/val --annotations \(folder)/data/annotations_val.json --output \
      results.json
      bags evaluate --annotations \(folder)/data/annotations_val.json --results results.json --groups \
      runs/\(bags)/groups.json
      bags report weightnorms runs/\(softmax) runs/\(bags)
      bags train --method auto --init runs/\(softmax) --features \(folder)/data/train --annotations \
      \(folder)/data/annotations_train.json
      ```

      """
  }
}
