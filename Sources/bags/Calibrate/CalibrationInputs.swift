import ArgumentParser
import BalancedGroupSoftmax

/// The head to calibrate, and the RoIs that it may be calibrated on.
struct CalibrationInputOptions: ParsableArguments {
  @Option(
    help: .init("The training features (default: those that the run was trained on).", valueName: "folder"))
  var features: String?

  @Option(
    help: .init(
      "The training annotations (default: those of the run): the classes of a bare head, labels, and what a sweep is "
        + "scored by.", valueName: "file"))
  var annotations: String?

  /// Reads the head, and the RoIs where they are needed.
  ///
  /// - Parameters:
  ///   - argument: A run or a head file; the latest run for `nil`.
  ///   - reason: What needs the RoIs, for errors; `nil` where they are not read.
  func load(_ argument: String?, readingRoIsFor reason: String?) throws -> CalibrationInputs {
    guard let named = try NamedHead.all(argument.map { [$0] } ?? []).first else {
      throw CommandFailure("name a run or a head file")
    }
    let record = try named.run.map { try RunFolder(at: $0).record() }
    let head = try LinearHead(contentsOf: named.path, groups: named.run == nil ? try statedGroups() : nil)
    let given = try TrainingInputPaths(features: features, annotations: annotations).fingerprinted()
    let inputs = (record?.inputs ?? [:]).merging(given) { $1 }
    let paths = TrainingInputPaths(features: inputs["features"]?.path, annotations: inputs["annotations"]?.path)
    var data: TrainingInputs?
    if let reason {
      if paths.features == nil && record == nil {
        throw CommandFailure("\(reason) needs the training RoIs: give --features and --annotations")
      }
      for (name, now) in try paths.fingerprinted() where inputs[name] != now {
        throw CommandFailure("\(now.path): is not what it was when \(named.name) was trained; name it with --\(name)")
      }
      data = try paths.load(grouping: head.groups)
    }
    return CalibrationInputs(
      head: head, boxRegressor: try Self.boxRegressor(of: named.path, groups: head.groups),
      boxBranch: try Self.boxBranch(beside: head, at: named.path), path: named.path, record: record, given: given,
      data: data)
  }

  /// Reads what an interrupted calibration was given.
  static func load(resuming session: RunSession, readingRoIs: Bool) throws -> CalibrationInputs {
    var paths = TrainingInputPaths(of: session.record)
    try paths.check(areThoseOf: session)
    guard let path = paths.initialHead else {
      throw CommandFailure("\(session.partial.recordPath): does not name the head that is calibrated")
    }
    let head = try LinearHead(contentsOf: path, groups: session.groups)
    paths.initialHead = nil
    return CalibrationInputs(
      head: head, boxRegressor: try boxRegressor(of: path, groups: head.groups),
      boxBranch: try boxBranch(beside: head, at: path), path: path, record: session.record, given: [:],
      data: readingRoIs ? try paths.load(grouping: session.groups) : nil)
  }

  /// What stands beside the classifier, to be kept; `nil` for none, or one of another layout.
  private static func boxRegressor(of path: String, groups: CategoryGroups) throws -> BoxRegressor? {
    do {
      return try BoxRegressor(ifIn: openTensors(at: path), groups: groups)
    } catch let error as LinearHeadError {
      StandardStreams.warn("\(error); it is left out")
      return nil
    }
  }

  /// The regression branch of a dense head, to be kept; `nil` for none.
  private static func boxBranch(beside head: LinearHead, at path: String) throws -> BoxBranch? {
    head.layout.anchorsPerLocation == nil ? nil : try BoxBranch(ifIn: openTensors(at: path))
  }

  /// The classes of a bare head file.
  private func statedGroups() throws -> CategoryGroups? {
    try annotations.map { try CategoryGroups(counts: LVISDataset(contentsOf: $0, including: []).categoryCounts()) }
  }
}

/// The head that a calibration starts from, and the RoIs.
struct CalibrationInputs {
  let head: LinearHead
  /// What stands beside it; `nil` for none.
  let boxRegressor: BoxRegressor?
  /// The regression branch beside a dense head; `nil` for none.
  let boxBranch: BoxBranch?
  /// The head's file.
  let path: String
  /// How the head was trained; `nil` for a bare file.
  let record: RunRecord?
  /// The training data that were given in place of the run's.
  let given: [String: RunRecord.Input]
  /// `nil` where the RoIs are not needed.
  let data: TrainingInputs?
}
