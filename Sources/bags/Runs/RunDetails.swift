import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// The record, settings and scores of a run, as `bags show` prints them.
struct RunDetails: Encodable {
  /// A file of the run's folder.
  struct File: Encodable {
    let name: String
    let bytes: Int
  }

  let run: String
  let state: RunOverview.State
  let record: RunRecord
  let settings: [String: String]
  let groups: [GroupSummary]
  /// The last line of metrics of each epoch.
  let losses: [TrainingMetrics]
  let metrics: [String: Double]
  let files: [File]
  /// The command that repeats the run.
  let repeated_by: String

  private let overview: RunOverview
  private let grouping: CategoryGroups?
  private let changedInputs: [String]

  /// - Throws: What is wrong with its files.
  init(_ overview: RunOverview, record: RunRecord) throws {
    let folder = RunFolder(at: overview.path)
    let files = FileManager.default
    self.overview = overview
    self.record = record
    run = overview.path
    state = overview.state
    settings = Dictionary(record.options.map { ($0.name, $0.value) }) { $1 }
    grouping =
      files.fileExists(atPath: folder.groupsPath) ? try CategoryGroups(contentsOf: folder.groupsPath) : nil
    groups = grouping?.summaries ?? []
    let lines = files.fileExists(atPath: folder.metricsPath) ? try folder.metrics() : []
    losses = zip(lines, lines.dropFirst().map(\.epoch) + [-1]).filter { $0.epoch != $1 }.map(\.0)
    metrics = overview.metrics
    self.files = ((try? files.contentsOfDirectory(atPath: overview.path)) ?? []).filter { !$0.hasPrefix(".") }.sorted()
      .map { name in
        let attributes = try? files.attributesOfItem(atPath: "\(overview.path)/\(name)")
        return File(name: name, bytes: (attributes?[.size] as? NSNumber)?.intValue ?? 0)
      }
    repeated_by =
      if overview.state == .interrupted {
        "bags \(record.commandName) --resume \(overview.path.dropLast(".partial".count))"
      } else if record.recipe == nil || record.calibration != nil {
        record.commandLines.joined(separator: "\n")
      } else {
        "bags train --config \(folder.recordPath)"
      }
    changedInputs = record.inputs.sorted { $0.key < $1.key }.compactMap { name, input in
      guard let now = try? RunRecord.Input(path: input.path) else {
        return "\(name): \(input.path) is not there any more"
      }
      return now == input ? nil : "\(name): \(input.path) is not what it was"
    }
  }

  private enum CodingKeys: CodingKey {
    case run, state, record, settings, groups, losses, metrics, files, repeated_by
  }

  /// For the terminal.
  var text: String {
    let style = TerminalStyle.output
    var parts = [
      "\(style.bold(overview.name))  \(state.rawValue), begun \(overview.begun) UTC by \(record.program)",
      settingsTable,
    ]
    if !changedInputs.isEmpty {
      parts.append(changedInputs.map { style.yellow("changed") + " " + $0 }.joined(separator: "\n"))
    }
    if let race = record.race { parts.append("\(RaceTable(race).ladder)\n\n\(RaceTable(race).sentence)") }
    if let grouping { parts.append(grouping.table.rendered()) }
    if !losses.isEmpty { parts.append(lossTable) }
    if !metrics.isEmpty { parts.append(metricTable) }
    parts.append(fileTable)
    parts.append(
      (state == .interrupted ? "goes on with   " : "repeated by   ") + repeated_by)
    return parts.joined(separator: "\n\n")
  }

  private var settingsTable: String {
    var table = TextTable([("setting", .left), ("value", .left)])
    let nonDefault = record.nonDefaultOptions
    for option in record.options {
      // Marked with more than colour, which not every terminal shows.
      table.add([option.name, option.value + (nonDefault.contains(option) ? "  *" : "")])
    }
    // The features of an anchor are the patch of 3 × 3 locations around it.
    let data =
      "\(grouped(record.roiCount)) \(record.exampleWord) of \(grouped(record.imageCount)) images, "
      + (record.hasAnchors ? "\(record.featureCount / 9) channels, " : "\(record.featureCount) features, ")
      + "OpenBLAS \(record.blasKernels) kernels"
    return table.rendered() + (nonDefault.isEmpty ? "" : "\n* not the default") + "\n\n" + data
  }

  /// At most a dozen epochs, the last among them.
  private var lossTable: String {
    let every = (losses.count + 11) / 12
    let shown = losses.enumerated().filter { (losses.count - 1 - $0.offset) % every == 0 }.map(\.element)
    let parts = Set(losses.flatMap(\.losses.keys)).sorted { ($0.count, $0) < ($1.count, $1) }
    let components = parts.count > 1 ? parts : []
    var table = TextTable(
      [("end of epoch", .right), ("step", .right), ("loss", .right)] + components.map { ($0, .right) }
        + [("gradient", .right), ("rate", .right), ("\(record.exampleWord)/s", .right)])
    for line in shown {
      let losses = components.map { line.losses[$0].map { NumberText.fixed($0, digits: 4) } ?? "–" }
      table.add(
        ["\(line.epoch + 1)", grouped(line.step), NumberText.fixed(line.loss, digits: 4)] + losses + [
          NumberText.fixed(line.gradientNorm, digits: 3), NumberText.short(line.learningRate),
          grouped(Int(min(max(line.roisPerSecond, 0), 1e15))),
        ])
    }
    return table.rendered()
  }

  private var metricTable: String {
    let names = APComparison.columns(for: [metrics])
    var table = TextTable(names.map { ($0, .right) })
    table.add(names.map { EvaluationTables.percent(metrics[$0]) })
    return names.isEmpty ? "evaluation.json states no AP" : table.rendered()
  }

  private var fileTable: String {
    var table = TextTable([("file", .left), ("bytes", .right)])
    for file in files { table.add([file.name, grouped(file.bytes)]) }
    return table.rendered()
  }
}
