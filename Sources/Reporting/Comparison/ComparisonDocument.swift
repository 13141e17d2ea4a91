import Charts
import DurableFiles
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import MethodComparison
import TrainingRuns

/// A comparison as JSON: what `bags compare` writes as `comparison.json` and `bags report` reads; metrics are fractions.
public struct ComparisonDocument: Sendable, Codable {
  /// A mean over the seeds, its spread, and the values behind it.
  public struct Measure: Sendable, Codable, Equatable {
    /// The mean over the seeds.
    public let mean: Double
    /// The standard deviation (n − 1); `nil` for a single seed.
    public let spread: Double?
    /// One value a seed; seeds for which it is not defined are left out.
    public let values: [Double]

    init?(_ values: [Double]) {
      guard let summary = MeanAndSpread(values) else { return nil }
      (mean, spread) = (summary.mean, summary.spread)
      self.values = values
    }
  }

  /// The distance of a method from the first in a metric, with the middle 95 % of the paired bootstrap's differences.
  public struct Difference: Sendable, Codable, Equatable {
    /// The method's mean less the first's.
    public let difference: Double
    /// The lower end of the interval; `nil` where there is no interval.
    public let lower: Double?
    /// The upper end of the interval; `nil` where there is no interval.
    public let upper: Double?

    init(_ difference: ComparedResults.Difference) {
      self.difference = difference.value
      (lower, upper) = (difference.interval?.lowerBound, difference.interval?.upperBound)
    }
  }

  /// A method with its settings, metrics and runs.
  public struct Method: Sendable, Codable {
    /// The method as it was asked for.
    public let method: String
    /// The method with what tuning picked, as it would be asked for.
    public let trainedAs: String
    /// The learning rate that it was trained with; `nil` of the detector's own head.
    public let learningRate: Double?
    /// The parameters of the calibration, or else of the method.
    public let parameters: [String: String]
    /// The parameters that tuning picked; `nil` in files of earlier versions.
    public let tunedParameters: [String: String]?
    /// The epochs that went into its head, those of the head that it starts from included.
    public let epochs: Int
    /// The steps of its own training.
    public let steps: Int
    /// Metrics by name; what cannot be measured is left out.
    public let metrics: [String: Measure]
    /// The rank correlation of weight norm and instance count.
    public let normCountCorrelation: Measure?
    /// The seconds of training.
    public let seconds: Measure?
    /// The folders of its runs, one a seed.
    public let runs: [String]
    /// The errors of seeds that came to nothing, one line each.
    public let failures: [String]
    /// The trials by which learning rate and parameters were picked; `nil` where they were not.
    public let tuning: TuningRecord?
    /// By metric, the difference to the first method; `nil` of the first, and in files of earlier versions.
    public let differences: [String: Difference]?

    /// `lr 0.1`, and what tuning changed beside it.
    var settingText: String {
      let rate = learningRate.map { ["lr \(NumberText.short($0))"] } ?? []
      let own = (tunedParameters ?? parameters).sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      return (rate + own).joined(separator: ", ")
    }
  }

  /// The word `bags-comparison`, by which a comparison's document is known.
  public static let formatName = "bags-comparison"

  let format: String
  let version: Int
  /// The program and its version.
  public let program: String
  /// The seeds that every method was trained with.
  public let seeds: [UInt64]
  /// The settings of all methods; learning rate and seed are the methods'.
  public let settings: TrainingSettings
  /// The metrics of the table, in its order; `nil` in files of earlier versions.
  let metricNames: [String]?
  /// The methods, in the order in which they were asked for.
  public let methods: [Method]
  /// For every metric the methods that are best in it: the first, and those that cannot be told from it.
  public let best: [String: [String]]
  /// How often images were drawn for the intervals; `nil` where there are none.
  public let replicates: Int?
  /// All that is needed to repeat the comparison; `nil` in files of earlier versions.
  public let reproducibility: Reproducibility?
  /// The race that chose one of the methods; `nil` where all were asked for.
  public let race: RaceRecord?

  /// Documents results.
  ///
  /// - Parameters:
  ///   - result: What methods came to.
  ///   - normCorrelations: The rank correlation of weight norm and instance count, by method, then seed.
  ///   - groups: The groups of the classes.
  ///   - program: The program and its version.
  ///   - reproducibility: All that is needed to repeat the comparison.
  init(
    _ result: ComparedResults, normCorrelations: [[Double?]], groups: CategoryGroups, program: String,
    reproducibility: Reproducibility
  ) {
    (format, version) = (Self.formatName, 1)
    self.program = program
    (seeds, settings) = (result.seeds, result.settings)
    self.reproducibility = reproducibility
    race = result.race
    let names = ["AP", "APr", "APc", "APf"] + (0..<groups.groupCount).map { "AP\($0 + 1)" }
    metricNames = names
    methods = zip(result.rows.indices, normCorrelations).map { row, norms in
      var differences: [String: Difference]?
      if row > 0 {
        differences = Dictionary(
          uniqueKeysWithValues: names.compactMap { name in
            result.difference(in: name, from: result.rows[0], to: result.rows[row]).map { (name, Difference($0)) }
          })
      }
      return Method(result.rows[row], normCorrelations: norms, differences: differences)
    }
    best = Dictionary(
      uniqueKeysWithValues: names.map { name in
        (name, result.best(in: name).sorted().map { result.rows[$0].name })
      }.filter { !$0.1.isEmpty })
    replicates = result.rows.lazy.flatMap(\.outcomes).first?.replicates?.values.count
  }

  /// Where a comparison's folder has it.
  package static func path(in folder: String) -> String { "\(folder)/comparison.json" }

  /// Reads the document of a comparison's folder.
  ///
  /// - Throws: `FileError` if it cannot be read; `ReportError` if it is no comparison, or one without results.
  public init(inFolder folder: String) throws {
    let path = Self.path(in: folder)
    let advice = "holds no results of a comparison; let `bags compare` finish it"
    do {
      self = try JSONDocument.value(at: path)
    } catch let error as DecodingError {
      throw ReportError(.comparison, path, "\(advice) (\(error.place))")
    }
    guard format == Self.formatName, methods.contains(where: { !$0.runs.isEmpty }) else {
      throw ReportError(.comparison, path, advice)
    }
  }

  /// Writes the document into a comparison's folder.
  ///
  /// - Throws: `FileError`; what stood there is then as it was.
  public func write(inFolder folder: String) throws {
    try DurableFile.write(try JSONDocument.text(self) + "\n", to: Self.path(in: folder))
  }

  /// The first seed's run of every method that has one, in a folder that may have been moved since.
  public func firstRuns(inFolder folder: String) -> [(method: String, run: RunFolder)] {
    runs(inFolder: folder).map { ($0.method, $0.runs[0]) }
  }

  /// The runs of every method that has some, one a seed, in a folder that may have been moved since.
  public func runs(inFolder folder: String) -> [(method: String, runs: [RunFolder])] {
    methods.filter { !$0.runs.isEmpty }.map { method in
      (
        method.method,
        method.runs.map { run in
          let inside = "\(folder)/runs/\((run as NSString).lastPathComponent)"
          return RunFolder(at: FileManager.default.fileExists(atPath: inside) ? inside : run)
        }
      )
    }
  }
}

extension ComparisonDocument.Method {
  init(
    _ row: ComparedResults.Row, normCorrelations: [Double?], differences: [String: ComparisonDocument.Difference]?
  ) {
    func changes(_ picked: MethodChoice?, from given: MethodChoice?) -> [String: String] {
      (picked?.parameters ?? [:]).filter { given?.parameters[$0.key] != $0.value }
    }
    let names = Set(row.outcomes.flatMap(\.metrics.keys))
    let metrics = names.compactMap { name in
      ComparisonDocument.Measure(row.outcomes.compactMap { $0.metrics[name] }.filter { $0 >= 0 }).map { (name, $0) }
    }
    self.init(
      method: row.name, trainedAs: row.picked.description, learningRate: row.learningRate,
      parameters: (row.picked.calibration ?? row.picked.method).parameters,
      tunedParameters: changes(row.picked.method, from: row.method.method).merging(
        changes(row.picked.calibration, from: row.method.calibration)
      ) { $1 },
      epochs: row.epochs, steps: row.steps, metrics: Dictionary(uniqueKeysWithValues: metrics),
      normCountCorrelation: ComparisonDocument.Measure(normCorrelations.compactMap { $0 }),
      seconds: ComparisonDocument.Measure(row.outcomes.map(\.seconds)),
      runs: row.outcomes.map(\.run.path), failures: row.failures, tuning: row.tuning,
      differences: differences)
  }
}
