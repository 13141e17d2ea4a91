import ArgumentParser
import BalancedGroupSoftmax
import Foundation

/// What a page is about: runs, and heads and detections that stand in none.
struct ReportSubjects {
  private enum Subject {
    case run(NamedHead)
    case head(NamedHead)
    case results(path: String, name: String)
  }

  private let subjects: [Subject]
  private let classes: ReportClassOptions

  /// Tells what the arguments are by what stands there; the latest run where there is none.
  ///
  /// - Throws: `CommandFailure` where one names nothing.
  init(_ arguments: [String], classes: ReportClassOptions) throws {
    self.classes = classes
    let paths = try arguments.filter { try Self.areResults($0) }
    let names = ResultNames(paths).names
    let heads =
      paths.count == arguments.count && !arguments.isEmpty
      ? [] : try NamedHead.all(arguments.filter { !paths.contains($0) }, hint: ReportCommand.hint)
    // In the order of the arguments.
    var left = heads[...]
    var results = zip(paths, names).makeIterator()
    subjects = (arguments.isEmpty ? heads.map(\.path) : arguments).compactMap { argument in
      if paths.contains(argument) { return results.next().map { .results(path: $0, name: $1) } }
      return left.popFirst().map { $0.run == nil ? .head($0) : .run($0) }
    }
  }

  private static func areResults(_ path: String) throws -> Bool {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else {
      return false
    }
    return try DetectionColumns.areLikely(at: path)
  }

  /// The runs of a comparison, by their methods.
  init(comparison runs: [NamedHead], classes: ReportClassOptions) {
    subjects = runs.map { .run($0) }
    self.classes = classes
  }

  /// The folder of the one run that they are; `nil` for several, and for bare files.
  var singleRun: String? {
    guard subjects.count == 1, case .run(let named)? = subjects.first else { return nil }
    return named.run
  }

  /// Reads all of it, and scores detections where there are annotations.
  ///
  /// - Returns: The runs, and the classes of the page where they are not those of the first head.
  /// - Throws: `CommandFailure`; what is wrong with one of the files.
  func read() throws -> (runs: [ReportedRun], groups: CategoryGroups?) {
    let truth = try classes.annotations.map { try LVISDataset(contentsOf: $0) }
    let stated = try classes.groups.map { try CategoryGroups(contentsOf: $0) }
    let hasBareHeads = subjects.contains { if case .head = $0 { true } else { false } }
    // Annotations that detections are scored against say nothing of what heads were trained on.
    let own = subjects.lazy.compactMap { self.head(of: $0)?.groups }.first
    let counted =
      try hasBareHeads && !hasResults
      ? truth.map { truth in
        try CategoryGroups(
          counts: truth.categoryCounts(), boundaries: own?.boundaries ?? [10, 100, 1000],
          countedBy: own?.countedBy ?? .instances)
      } : nil
    let fallback = stated ?? counted ?? own
    var scorer = ReportedDetections(truth: truth, annotations: classes.annotations ?? "")
    let runs = try subjects.map { subject -> ReportedRun in
      switch subject {
      case .head(let named): return try bareHead(named, fallback: fallback)
      case .results(let path, let name):
        var reported = ReportedRun(
          try scorer.evaluation(of: path, named: name, groups: fallback), named: name, file: try .init(path: path))
        if fallback != nil { try reported.countScores(ofResults: path) }
        return reported
      case .run(let named):
        var reported = try ReportedRun(named)
        // What it keeps of its detections is scored, whatever was found before.
        if truth != nil, counted == nil, let kept = RunFolder(at: named.run ?? named.path).keptResultsPath {
          reported.evaluation = try scorer.evaluation(
            of: kept, named: named.name, groups: stated ?? reported.head?.groups)
        }
        return reported
      }
    }
    return (runs, stated ?? (hasBareHeads || hasResults ? fallback : nil))
  }

  private var hasResults: Bool { subjects.contains { if case .results = $0 { true } else { false } } }

  /// A head that can be read without help.
  private func head(of subject: Subject) -> LinearHead? {
    switch subject {
    case .run(let named), .head(let named): try? LinearHead(contentsOf: named.path)
    case .results: nil
    }
  }

  private func bareHead(_ named: NamedHead, fallback: CategoryGroups?) throws -> ReportedRun {
    do {
      return ReportedRun(
        try LinearHead(contentsOf: named.path, groups: fallback), named: named.name,
        file: try .init(path: named.path))
    } catch let error as LinearHeadError where error.code == .unnamedClasses {
      throw CommandFailure(
        "\(named.path): does not name its classes; "
          + (hasResults ? "--groups, made from its training annotations, does" : "--annotations, or --groups, does"))
    }
  }
}

extension ReportedRun {
  /// Reads a run that the user named.
  ///
  /// - Throws: What is wrong with the run's files.
  init(_ named: NamedHead) throws {
    try self.init(contentsOf: RunFolder(at: named.run ?? named.path), named: named.name)
  }
}

/// The classes of a page, and what detections are scored against.
struct ReportClassOptions: ParsableArguments {
  @Option(
    help: .init(
      "Annotations that detections are scored against, those that runs keep too; where only heads are named, those that "
        + "count and name their classes.", valueName: "file"), completion: .file(extensions: ["json"]))
  var annotations: String?

  @Option(
    help: .init(
      "A groups.json that `bags group` made: the classes, their training counts and groups.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var groups: String?
}
