import Charts
import MethodComparison

extension ComparisonTable {
  /// The table in Markdown, the best of each column bold.
  public var markdown: String {
    let rule = ["---", "---"] + columns.map { _ in "---:" }
    return ([header, rule] + cells { "**\($0)**" }).map { "| " + $0.joined(separator: " | ") + " |" }
      .joined(separator: "\n")
  }

  /// What tuning tried, in Markdown: a line a trial, the picked one bold; `nil` where nothing was tuned.
  public var tuningMarkdown: String? {
    let tuned = result.rows.filter { $0.tuning != nil }
    guard !tuned.isEmpty else { return nil }
    var lines = ["| method | trials: learning rate and parameters → AP on held-out images |", "| --- | --- |"]
    for row in tuned {
      guard let record = row.tuning else { continue }
      let best = record.trials.map(record.score).max()
      var isMarked = false
      let trials = record.trials.map { trial -> String in
        let score = record.score(of: trial)
        let parameters = trial.parameters.sorted { $0.key < $1.key }.map { " \($0.key) \($0.value)" }.joined()
        let text =
          "\(NumberText.short(trial.learningRate))\(parameters) → "
          + (score.isFinite ? NumberText.fixed(100 * score, digits: 2) : "diverged")
        defer { if score == best { isMarked = true } }
        return score == best && !isMarked ? "**\(text)**" : text
      }
      lines.append("| \(row.method) | \(trials.joined(separator: "; ")) |")
    }
    return lines.joined(separator: "\n")
  }

  /// One line a method and seed: metrics as fractions, empty where they are not defined.
  public var csv: String {
    let metrics = columns.map(\.name).filter { $0.hasPrefix("AP") }
    let header =
      ["method", "trained_as", "learning_rate", "epochs", "steps", "seed"] + metrics
      + ["norm_count_correlation", "seconds", "run"]
    var lines: [[String]] = []
    for (row, shown) in zip(result.rows, rows) {
      let settings = [
        row.method.description, row.picked.description, "\(row.learningRate)", "\(row.epochs)", "\(row.steps)",
      ]
      for (outcome, correlation) in zip(row.outcomes, shown.normCorrelations) {
        let values = metrics.map { name -> String in
          guard let value = outcome.metrics[name], value >= 0 else { return "" }
          return "\(value)"
        }
        let norms = correlation.map { "\($0)" } ?? ""
        lines.append(settings + ["\(outcome.seed)"] + values + [norms, "\(outcome.seconds)", outcome.run.path])
      }
    }
    return csvText([header] + lines)
  }
}
