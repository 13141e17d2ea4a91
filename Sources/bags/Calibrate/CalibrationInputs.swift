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
    var inputs = record?.inputs ?? [:]
    inputs["groups"] = nil
    inputs["mining-head"] = nil
    let paths = TrainingInputPaths(
      features: features ?? inputs["features"]?.path, annotations: annotations ?? inputs["annotations"]?.path)
    for (name, input) in try TrainingInputPaths(features: features, annotations: annotations).fingerprinted() {
      inputs[name] = input
    }
    inputs["init"] = try RunRecord.Input(path: named.path)
    let boxes = try boxRegressor(of: named.path, groups: head.groups)
    guard let reason else {
      return CalibrationInputs(head: head, boxRegressor: boxes, named: named, data: nil, record: record, inputs: inputs)
    }
    if paths.features == nil && record == nil {
      throw CommandFailure("\(reason) needs the training RoIs: give --features and --annotations")
    }
    for (name, now) in try paths.fingerprinted() where inputs[name] != now {
      throw CommandFailure("\(now.path): is not what it was when \(named.name) was trained; name it with --\(name)")
    }
    let data = try paths.load(grouping: head.groups)
    return CalibrationInputs(head: head, boxRegressor: boxes, named: named, data: data, record: record, inputs: inputs)
  }

  /// What stands beside the classifier, to be kept; `nil` for none, or one of another layout.
  private func boxRegressor(of path: String, groups: CategoryGroups) throws -> BoxRegressor? {
    do {
      return try BoxRegressor(ifIn: openTensors(at: path), groups: groups)
    } catch let error as LinearHeadError {
      StandardStreams.warn("\(error); it is left out")
      return nil
    }
  }

  /// The classes of a bare head file.
  private func statedGroups() throws -> CategoryGroups? {
    try annotations.map { try CategoryGroups(counts: LVISDataset(contentsOf: $0, including: []).categoryCounts()) }
  }
}

/// What a calibration starts from.
struct CalibrationInputs {
  let head: LinearHead
  /// What stands beside it; `nil` for none.
  let boxRegressor: BoxRegressor?
  let named: NamedHead
  /// `nil` where the RoIs are not needed.
  let data: TrainingInputs?
  /// How the head was trained; `nil` for a bare file.
  let record: RunRecord?
  /// The files, by option name.
  let inputs: [String: RunRecord.Input]
}
