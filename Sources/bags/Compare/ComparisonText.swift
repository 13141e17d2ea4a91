import BalancedGroupSoftmax
import Foundation

/// A comparison in words and tables.
struct ComparisonText {
  let report: ComparisonReport
  let set: ComparisonSet
  let isBuiltIn: Bool

  func markdown(imageFormat: ImageFormat) -> String {
    let settings = report.document.settings
    let seeds = report.document.seeds
    let objects = set.validation.annotations.count
    var parts: [String?] = [
      "# Methods compared",
      """
      \(isBuiltIn ? "On the built-in synthetic set, which shows mechanisms and predicts no real detector: trained" : "Trained") \
      on \(grouped(set.source.roiCount)) \(set.source.exampleWord) of \(grouped(set.source.imageCount)) images \
      (\(set.source.featureText), \(grouped(set.groups.classCount)) classes), scored on \
      \(grouped(set.validationFeatures.imageCount)) images with \(grouped(objects)) objects by LVIS's rules. \
      \(settings.epochs) epochs, \(settings.imagesPerBatch) images a batch, learning rate ÷ 10 after epochs \
      \(settings.milestones.map(String.init).joined(separator: " and ")), momentum \(settings.momentum), weight decay \
      \(settings.weightDecay), \(settings.gradientClip.map { "gradient norm at most \($0)" } ?? "no limit of the gradient"); \
      seed\(seeds.count == 1 ? "" : "s") \(seeds.map(String.init).joined(separator: ", ")). Numbers in percent\
      \(seeds.count > 1 ? ", means ± standard deviation over the seeds" : ""); of each metric the best is \
      bold, and what cannot be told from it.
      """,
      report.table.table.markdown,
      report.table.differences.map { "\(Self.differencesTitle(report.document))\n\n\($0.markdown)" },
      """
      APr, APc and APf: classes in 1–10, 11–100 and more training images. AP1 and on: the groups by training instances, \
      \(groupsText). Norm–count: the rank correlation of a class's weight norm with its instances; – where a head has no norms that matter. Epochs and seconds are those of all the training behind a \
      head, its start included; seconds were taken while other work may have run.
      """,
      "![AP by method and group](ap.\(imageFormat.rawValue))",
    ]
    if report.norms != nil {
      parts.append("![Weight norms by class frequency](weightnorms.\(imageFormat.rawValue))")
    }
    if let tuning = report.table.tuning, let record = report.document.methods.lazy.compactMap(\.tuning).first {
      let objects = record.heldOutObjectCounts.enumerated().map { "G\($0 + 1): \(grouped($1))" }
      parts += [
        "## What was tuned",
        """
        Trials of \(record.epochs) epochs, scored on \(grouped(record.heldOutImageCount)) held-out images over all splits, \
        which hold \(objects.joined(separator: ", ")) objects. Of each method the trial with the best \(record.metric) \
        there was picked, or the default settings where nothing led them beyond noise. Validation images decided nothing.
        """,
        tuning.markdown,
      ]
    }
    if let race = report.document.race {
      parts += [
        "## What `auto` chose",
        "\(race.winner), by a race on images that are not those of the table: \(RaceTable(race).sentence).",
        RaceTable(race).markdown,
      ]
    }
    parts += [
      "## How it was made",
      "```\n\(Self.command)\n```",
      report.document.reproducibility?.text,
      "Numbers in full, a line a method and seed: [comparison.csv](comparison.csv); with the settings: "
        + "[comparison.json](comparison.json). The curves of all trainings: [curves.csv](curves.csv).",
    ]
    return parts.compactMap(\.self).joined(separator: "\n\n") + "\n"
  }

  /// The tables that are printed.
  var sections: [ResultSection] {
    let seeds = report.document.seeds.count
    let spread = seeds > 1 ? ", means and standard deviation over \(seeds) seeds" : ""
    let images = grouped(set.validationFeatures.imageCount)
    let title = Self.differencesTitle(report.document)
    let methods = ResultSection.table(
      report.table.table,
      caption:
        "Methods compared on \(images) validation images, in per cent\(spread); of each metric the best is bold, "
        + "and what cannot be told from it.")
    guard let differences = report.table.differences else { return [methods] }
    return [
      methods, .table(differences, title: title, caption: Self.differencesTitle(report.document, marked: "bold")),
    ]
  }

  /// How far a comparison is, as tables that are printed.
  static func sections(of status: ComparisonStatus) -> [ResultSection] {
    var table = TextTable([("method", .left), ("seed", .right), ("state", .left), ("by", .left), ("since", .left)])
    for run in status.runs {
      table.add([
        run.method, "\(run.seed)", run.state.rawValue + (run.failure.map { ": \($0)" } ?? ""),
        run.worker.map { "\($0.host), process \($0.process)" } ?? "", run.worker?.since ?? "",
      ])
    }
    var summary = ComparisonStatus.State.allCases.map { "\(status.count($0)) \($0.rawValue)" }.joined(separator: ", ")
    if status.trialCount > 0 || !status.trialWorkers.isEmpty {
      summary += "; trials: \(status.trialCount) done, \(status.trialWorkers.count) running"
    }
    let trials = status.trialWorkers.map { "a trial at \($0.host), process \($0.process), since \($0.since)" }
    return [
      .table(table, caption: "The runs of the comparison, and who works at them."),
      .text((trials + [summary]).joined(separator: "\n")),
    ]
  }

  /// What stands above the differences.
  static func differencesTitle(_ document: ComparisonDocument, marked: String = "marked") -> String {
    let seeds = document.seeds.count > 1 ? " and of seeds" : ""
    let drawn =
      document.replicates.map {
        ", with the middle 95 % of \(grouped($0)) paired draws of validation images\(seeds)"
      } ?? ""
    let first = document.methods.first?.method ?? "the first"
    return "Differences to \(first)\(drawn); those that leave no doubt are \(marked)."
  }

  private var groupsText: String {
    self.set.groups.classesByGroup.indices.map { group in
      "G\(group + 1): \(set.groups.rangeText(ofGroup: group)) (\(set.groups.classesByGroup[group].count) classes)"
    }.joined(separator: ", ")
  }

  /// The command as it was typed.
  static var command: String {
    (["bags"]
      + CommandLine.arguments.dropFirst().map { word in
        word.allSatisfy { $0.isLetter || $0.isNumber || "-_./:=+,".contains($0) }
          ? word : "'" + word.replacing("'", with: "'\\''") + "'"
      }).joined(separator: " ")
  }
}
