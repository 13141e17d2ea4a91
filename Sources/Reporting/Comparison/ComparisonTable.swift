import Charts
import DetectionHeads
import LVISDatasets
import MethodComparison

/// The table of a comparison: a line a method, means over the seeds with their spread, the best of each column marked.
public struct ComparisonTable: Sendable {
  /// One column.
  public struct Column: Sendable {
    /// What stands above it.
    public let name: String
    /// What JSON calls it.
    let key: String
    /// What its numbers are multiplied by to be shown.
    let scale: Double
    let digits: Int
    /// How good a value is, the more the better; `nil` for a column where none is best.
    let merit: (@Sendable (Double) -> Double)?

    init(
      name: String, key: String? = nil, scale: Double, digits: Int, merit: (@Sendable (Double) -> Double)?
    ) {
      self.name = name
      self.key = key ?? name
      self.scale = scale
      self.digits = digits
      self.merit = merit
    }
  }

  /// One method.
  public struct Row: Sendable {
    /// As it was asked for.
    public let name: String
    /// What it was trained with: learning rate, and the parameters that tuning picked.
    public let setting: String
    /// In the order of the columns; `nil` where it is not defined.
    public let values: [MeanAndSpread?]
    /// The rank correlation of weight norm and instance count of every seed's head.
    public let normCorrelations: [Double?]
  }

  /// The columns behind method and setting.
  public let columns: [Column]
  /// One a method.
  public let rows: [Row]
  /// The weight norms of every method's first seed.
  public let norms: WeightNormComparison?
  /// Those that a figure has room for.
  public let shownNorms: WeightNormComparison?
  /// What is tabulated.
  public let result: ComparedResults

  /// Makes the table.
  ///
  /// - Parameters:
  ///   - result: What methods came to.
  ///   - groups: The classes and their groups.
  /// - Throws: What reading the heads throws.
  public init(_ result: ComparedResults, groups: CategoryGroups) throws {
    let metrics =
      ["AP", "APr", "APc", "APf"] + (0..<groups.groupCount).map { "AP\($0 + 1)" }
    columns =
      metrics.map { Column(name: $0, scale: 100, digits: 2) { $0 } } + [
        Column(name: "norm–count", key: "norm_count_correlation", scale: 1, digits: 2) { -abs($0) },
        Column(name: "epochs", scale: 1, digits: 0, merit: nil),
        Column(name: "seconds", scale: 1, digits: 1) { -$0 },
      ]
    let counts = groups.members.map { Double($0.instanceCount) }
    var norms: [HeadNorms] = []
    rows = try result.rows.map { row in
      let heads = try row.outcomes.map {
        HeadNorms(name: row.method.description, head: try LinearHead(contentsOf: $0.run.headPath), groups: groups)
      }
      if let head = heads.first { norms.append(head) }
      let correlations = heads.map { rankCorrelation($0.classes, counts) }
      return Row(
        name: row.method.description, setting: row.settingText,
        values: metrics.map { row.value($0) } + [
          MeanAndSpread(correlations.compactMap { $0 }),
          row.outcomes.isEmpty ? nil : MeanAndSpread([Double(row.epochs)]), row.seconds,
        ], normCorrelations: correlations)
    }
    self.norms = norms.isEmpty ? nil : try WeightNormComparison(groups: groups, heads: norms)
    let averages = Dictionary(rows.map { ($0.name, $0.values.first??.mean ?? -1) }) { first, _ in first }
    let shown = Self.shown(norms, averages: averages)
    shownNorms = shown.isEmpty ? nil : try WeightNormComparison(groups: groups, heads: shown)
    self.result = result
  }

  /// The first head, and the best of the others by AP, as many as can be told apart; in their order.
  private static func shown(_ heads: [HeadNorms], averages: [String: Double]) -> [HeadNorms] {
    let room = 6
    let best = heads.dropFirst().sorted { (averages[$0.name] ?? -1) > (averages[$1.name] ?? -1) }.prefix(room - 1)
    let names = Set(best.map(\.name))
    return heads.prefix(1) + heads.dropFirst().filter { names.contains($0.name) }
  }

  /// For every column the rows that are best, to the digits shown; none where no two rows can be compared.
  public var best: [Set<Int>] {
    columns.indices.map { column in
      guard let merit = columns[column].merit else { return [] }
      let merits = rows.indices.compactMap { row in
        rows[row].values[column].map { (row: row, text: text($0.mean, columns[column]), merit: merit($0.mean)) }
      }
      guard merits.count > 1, let top = merits.max(by: { $0.merit < $1.merit }) else { return [] }
      return Set(merits.filter { $0.text == top.text }.map(\.row))
    }
  }

  /// The cells of every row, the best of each column marked by `mark`.
  ///
  /// - Parameter mark: Turns the text of the best into what is shown.
  public func cells(marking mark: (String) -> String) -> [[String]] {
    let best = best
    return rows.indices.map { row in
      [rows[row].name, rows[row].setting]
        + columns.indices.map { column in
          guard let value = rows[row].values[column] else { return "–" }
          let mean = text(value.mean, columns[column])
          let shown = best[column].contains(row) ? mark(mean) : mean
          return shown + (value.spread.map { " ±" + text($0, columns[column]) } ?? "")
        }
    }
  }

  /// The header of `cells`.
  public var header: [String] { ["method", "trained with"] + columns.map(\.name) }

  private func text(_ value: Double, _ column: Column) -> String {
    NumberText.fixed(value * column.scale, digits: column.digits).replacing("-", with: "−")
  }
}

extension ComparedResults.Row {
  /// `lr 0.1`, and what tuning changed beside it.
  var settingText: String {
    let changed =
      changes(picked.method.parameters, from: method.method.parameters)
      + changes(picked.calibration?.parameters ?? [:], from: method.calibration?.parameters ?? [:])
    return (["lr \(NumberText.short(learningRate))"] + changed).joined(separator: ", ")
  }

  private func changes(_ picked: [String: String], from given: [String: String]) -> [String] {
    picked.filter { given[$0.key] != $0.value }.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
  }
}
