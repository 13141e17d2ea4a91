import Charts
import MethodComparison
import TrainingRuns

/// All that is needed to repeat results: the program, the files that it read, seeds, threads, kernels, and how settings
/// were chosen.
public struct Reproducibility: Sendable, Codable, Equatable {
  /// A file or folder that was read.
  public struct Input: Sendable, Codable, Equatable {
    /// The name of the option that it was given with.
    public let name: String
    /// The path, as it was given.
    public let path: String
    /// The size and a hash, by which it is known again; see `fingerprint(ofFileAt:)`.
    public let fingerprint: String
  }

  /// How the settings of methods were chosen.
  public struct Tuning: Sendable, Codable, Equatable {
    /// The criterion that decided, such as `AP`.
    public let criterion: String
    /// The most trials that a method had.
    public let trials: Int
    /// The epochs of a trial.
    public let epochs: Int
    /// The most splits of the images that a trial was scored on.
    public let splits: Int
    /// The number of held-out images.
    public let heldOutImages: Int
    /// The number of objects on them, by foreground group.
    public let heldOutObjects: [Int]
    /// The number of methods that were tuned, and of those that stayed with the default settings.
    public let methods: Int, keptDefaults: Int
  }

  /// The programs and their versions; several where runs were made by different ones.
  public let programs: [String]
  /// The kernels that OpenBLAS ran, such as `SkylakeX`.
  public let kernels: [String]
  /// The threads that were computed with.
  public let threads: [Int]
  /// The seeds of the trainings.
  public let seeds: [UInt64]
  /// What was read, by name; empty for data that no file holds.
  public let inputs: [Input]
  /// How settings were chosen; `nil` where they were given.
  public let tuning: Tuning?
  /// The command as it was typed; `nil` where it is not known.
  public let command: String?

  /// Gathers what runs say of themselves.
  ///
  /// - Parameters:
  ///   - records: The records of the runs.
  ///   - tuned: How settings were chosen, a record a method; `nil` to take what the runs' records say.
  ///   - seeds: The seeds that they were trained with; `nil` to take them from the records.
  ///   - inputs: What was read, by the names of options; `nil` to take it from the records.
  ///   - command: The command as it was typed.
  public init(
    of records: [RunRecord], tuned: [TuningRecord]? = nil, seeds: [UInt64]? = nil,
    inputs: [String: RunRecord.Input]? = nil, command: String? = nil
  ) {
    func distinct<Value: Hashable & Comparable>(_ values: [Value]) -> [Value] { Set(values).sorted() }
    // A head that came from elsewhere was trained with settings that are not known here.
    let trained = records.filter { $0.importedFrom == nil }
    programs = distinct(records.map(\.program))
    kernels = distinct(records.map(\.blasKernels))
    threads = distinct(trained.map(\.settings.threads))
    self.seeds = seeds ?? distinct(trained.map(\.settings.seed))
    var files: [Input] = []
    for read in inputs.map({ [$0] }) ?? records.map(\.inputs) {
      for (name, input) in read {
        let file = Input(name: name, path: input.path, fingerprint: input.fingerprint)
        if !files.contains(file) { files.append(file) }
      }
    }
    self.inputs = files.sorted { ($0.name, $0.path, $0.fingerprint) < ($1.name, $1.path, $1.fingerprint) }
    self.command = command
    tuning = Tuning(tuned ?? records.compactMap(\.tuning))
  }

  /// A paragraph that says it.
  public var text: String {
    func list<Value>(_ values: [Value]) -> String { values.map { "\($0)" }.joined(separator: ", ") }
    var sentences = [
      "Made with \(list(programs)), OpenBLAS kernels \(list(kernels))"
        + (threads.isEmpty ? "" : ", \(list(threads)) thread\(threads == [1] ? "" : "s")")
        + (seeds.isEmpty ? "." : "; seed\(seeds.count == 1 ? "" : "s") \(list(seeds)).")
    ]
    sentences.append(
      inputs.isEmpty
        ? "The data are the built-in synthetic set, which no file holds."
        : "It read "
          + inputs.map { "\($0.name) \($0.path) (fingerprint \($0.fingerprint))" }.joined(separator: ", ") + ".")
    if let tuning { sentences.append(tuning.text) }
    sentences.append(
      "The same program, files, seeds, threads and kernels give the same heads, byte for byte; other kernels change the "
        + "last bits of sums, and so does another number of threads with hidden layers, mining or feature maps.")
    return sentences.joined(separator: " ")
  }
}

extension Reproducibility.Tuning {
  /// Sums records up; `nil` where there are none.
  init?(_ records: [TuningRecord]) {
    guard let first = records.first else { return nil }
    let trials = records.flatMap(\.trials)
    self.init(
      criterion: first.metric, trials: records.map(\.trials.count).max() ?? 0, epochs: first.epochs,
      splits: trials.compactMap(\.splits).max() ?? 1, heldOutImages: first.heldOutImageCount,
      heldOutObjects: first.heldOutObjectCounts, methods: records.count,
      keptDefaults: records.count { $0.keptDefault == true })
  }

  fileprivate var text: String {
    let objects = heldOutObjects.enumerated().map { "G\($0 + 1) \(NumberText.grouped($1))" }.joined(separator: ", ")
    return
      "The settings of \(methods) method\(methods == 1 ? "" : "s") were chosen by \(criterion) among at most \(trials) trials "
      + "of \(epochs) epochs each, on \(splits) split\(splits == 1 ? "" : "s") that hold out "
      + "\(NumberText.grouped(heldOutImages)) images with objects of \(objects); \(keptDefaults) stayed with the default "
      + "settings. Validation images decided nothing."
  }
}
