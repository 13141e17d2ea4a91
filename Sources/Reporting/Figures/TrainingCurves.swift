import Charts
import HeadTraining

/// Curves of loss, learning rate and gradient norm over the training of one run or several.
public struct TrainingCurves: Sendable {
  /// A run and its lines of metrics.
  public struct Run: Sendable {
    /// The name of the run in figures and tables.
    public let name: String
    /// The method of the run, which decides the colour.
    public let method: String
    /// The lines of its `metrics.jsonl`.
    public let metrics: [TrainingMetrics]
    /// The same training with other seeds, which is drawn in thinner lines.
    public let otherSeeds: [Run]

    /// Makes a run.
    ///
    /// - Throws: `ReportError` where there are no metrics to draw.
    public init(name: String, method: String, metrics: [TrainingMetrics], otherSeeds: [Run] = []) throws {
      guard !metrics.isEmpty else { throw ReportError(.empty, name, "its metrics.jsonl is empty") }
      self.name = name
      self.otherSeeds = otherSeeds
      self.method = method
      self.metrics = metrics
    }

    /// Steps an epoch takes: its last in the first epoch, which always ends a line.
    var stepsPerEpoch: Double { Double(max(1, metrics.last { $0.epoch == metrics[0].epoch }?.step ?? 1)) }

    /// The names of the parts of the loss: G0, G1 and so on; empty where the loss is one piece.
    public var components: [String] {
      let names = Set(metrics.flatMap(\.losses.keys)).sorted { ($0.count, $0) < ($1.count, $1) }
      return names.count > 1 ? names : []
    }
  }

  /// The runs, in the order in which they are drawn.
  public let runs: [Run]

  /// Makes a figure of runs, drawn in the given order.
  public init(_ runs: [Run]) { self.runs = runs }

  /// A row a run: what its last report of training says.
  public var table: TextTable {
    let components = Set(runs.flatMap(\.components)).sorted { ($0.count, $0) < ($1.count, $1) }
    var table = TextTable(
      [("at the end", .left), ("steps", .right), ("epochs", .right), ("loss", .right)] + components.map { ($0, .right) }
        + [("gradient norm", .right), ("learning rate", .right)])
    for run in runs {
      guard let last = run.metrics.last else { continue }
      let losses = components.map { last.losses[$0].map { NumberText.fixed($0, digits: 4) } ?? "–" }
      table.add(
        [run.name, NumberText.grouped(last.step), "\(last.epoch + 1)", NumberText.fixed(last.loss, digits: 4)] + losses
          + [NumberText.fixed(last.gradientNorm, digits: 3), NumberText.short(last.learningRate)])
    }
    return table
  }

  /// One line a report of training: what `metrics.jsonl` holds.
  public var csv: String {
    let components = Set(runs.flatMap { $0.metrics.flatMap(\.losses.keys) }).sorted { ($0.count, $0) < ($1.count, $1) }
    let header =
      ["run", "step", "epoch", "learning_rate", "loss"] + components.map { "loss_\($0)" }
      + ["gradient_norm", "others_share", "rois_per_second"]
    var rows = [header]
    for run in runs.flatMap({ [$0] + $0.otherSeeds }) {
      for line in run.metrics {
        var row = [run.name, "\(line.step)", "\(line.epoch)", "\(line.learningRate)", "\(line.loss)"]
        row += components.map { line.losses[$0].map(String.init(describing:)) ?? "" }
        row += ["\(line.gradientNorm)", line.othersShare.map(String.init(describing:)) ?? "", "\(line.roisPerSecond)"]
        rows.append(row)
      }
    }
    return csvText(rows)
  }
}

extension TrainingCurves {
  /// The figure: the loss, in its parts where one run is drawn alone, the learning rate, the norm of the gradient and the
  /// share of `others` among the rows that the groups took.
  public var chart: Chart {
    let styles = SeriesStyle.styles(forMethods: runs.map(\.method))
    let epochs = runs.map { Double($0.metrics.last?.step ?? 0) / $0.stepsPerEpoch }
    var panels = [lossPanel(styles: styles)]
    panels.append(
      panel("learning rate", height: 90, styles: styles, isLogarithmic: true, isMean: false) { $0.learningRate })
    panels.append(panel("norm of the gradient, before clipping", height: 110, styles: styles) { $0.gradientNorm })
    if runs.contains(where: { $0.metrics.contains { $0.othersShare != nil } }) {
      var shares = panel("share of others among the rows of the groups", height: 110, styles: styles) { $0.othersShare }
      shares.y = Axis(shares.y.title, domain: 0...1)
      panels.append(shares)
    }
    let names = runs.map(\.name).joined(separator: ", ")
    let hasSeeds = runs.contains { !$0.otherSeeds.isEmpty }
    return Chart(
      "Training", subtitle: names,
      caption: "Each point is a mean over \(runs.map(stretch).max() ?? 1) steps or more."
        + (hasSeeds ? " Thin lines are the other seeds." : ""),
      x: Axis("epoch", domain: 0...max(1e-9, epochs.max() ?? 1)), panels: panels)
  }

  /// How many points a curve is drawn with at most.
  private static let drawnPoints = 300

  private func lossPanel(styles: [SeriesStyle]) -> ChartPanel {
    guard runs.count == 1, let run = runs.first, !run.components.isEmpty else {
      return panel("loss", height: 240, styles: styles, namesRuns: true) { $0.loss }
    }
    let names = ["loss"] + run.components
    let parts = zip(names, SeriesStyle.styles(forParts: names.count)).map { name, style in
      let points = points(of: run) { name == "loss" ? $0.loss : $0.losses[name] }
      return Mark.line(
        LineMark(points, named: name == "loss" ? "sum" : name, style: style, width: name == "loss" ? 2.5 : 1.75))
    }
    return panel("loss of every group, and their sum", height: 240, marks: parts)
  }

  private func panel(
    _ title: String, height: Double, styles: [SeriesStyle], isLogarithmic: Bool = false, isMean: Bool = true,
    namesRuns: Bool = false, value: (TrainingMetrics) -> Double?
  ) -> ChartPanel {
    func line(_ run: Run, _ style: SeriesStyle, named name: String? = nil, width: Double) -> Mark {
      .line(LineMark(points(of: run, isMean: isMean, value: value), named: name, style: style, width: width))
    }
    let marks =
      zip(runs, styles).flatMap { run, style in run.otherSeeds.map { line($0, style, width: 0.75) } }
      + zip(runs, styles).map { run, style in
        line(run, style, named: namesRuns && runs.count > 1 ? run.name : nil, width: 1.75)
      }
    return panel(title, height: height, marks: marks, isLogarithmic: isLogarithmic)
  }

  /// Logarithmic where all values are above 0 and spread widely.
  private func panel(
    _ title: String, height: Double, marks: [Mark], isLogarithmic: Bool = false
  ) -> ChartPanel {
    let values = marks.flatMap { mark -> [Double] in
      if case .line(let line) = mark { line.points.map(\.y).filter(\.isFinite) } else { [] }
    }
    let low = values.min() ?? 0
    let isWide = low > 0 && (values.max() ?? 0) / low > 8
    return ChartPanel(
      y: isWide || (isLogarithmic && low > 0) ? .log10(title, covering: values) : .linear(title, covering: values),
      height: height, marks: marks, labelsLines: true)
  }

  /// A curve in stretches of about equal length. Reports come at fixed steps and at the end of every epoch, which may
  /// leave a few steps between two: alone, their mean would be a spike that says nothing.
  private func points(of run: Run, isMean: Bool = true, value: (TrainingMetrics) -> Double?) -> [ChartPoint] {
    struct Stretch {
      var end = 0
      var steps = 0
      var sum = 0.0
      var valued = 0
      var latest: Double?
    }
    let least = stretch(of: run)
    var stretches: [Stretch] = []
    var previous = 0
    for line in run.metrics {
      let span = max(1, line.step - previous)
      previous = line.step
      if stretches.last.map({ $0.steps >= least }) ?? true { stretches.append(Stretch()) }
      let current = stretches.count - 1
      stretches[current].end = line.step
      stretches[current].steps += span
      guard let value = value(line) else { continue }
      stretches[current].sum += value * Double(span)
      stretches[current].valued += span
      stretches[current].latest = value
    }
    if stretches.count > 1, let short = stretches.last, short.steps < least {
      stretches.removeLast()
      let last = stretches.count - 1
      stretches[last].end = short.end
      stretches[last].sum += short.sum
      stretches[last].valued += short.valued
      stretches[last].latest = short.latest ?? stretches[last].latest
    }
    return stretches.compactMap { stretch in
      guard let latest = stretch.latest else { return nil }
      let y = isMean ? stretch.sum / Double(stretch.valued) : latest
      return ChartPoint(Double(stretch.end) / run.stepsPerEpoch, y)
    }
  }

  /// How many steps a point of a curve stands for at least.
  private func stretch(of run: Run) -> Int {
    let ends = run.metrics.map(\.step)
    let spans = zip(ends, [0] + ends).map { max(1, $0 - $1) }.sorted()
    return max(spans[spans.count / 2], (ends.last ?? 1) / Self.drawnPoints)
  }
}
