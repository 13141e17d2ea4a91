import BalancedGroupSoftmax

extension OwnHead {
  /// Reads the detector's own head from a run or a head file.
  ///
  /// - Parameters:
  ///   - name: What was typed.
  ///   - groups: The classes, for a file that does not name them.
  ///   - featureCount: D of the features.
  /// - Throws: `CommandFailure` where it does not fit the data.
  init(named name: String, groups: CategoryGroups, featureCount: Int) throws {
    let path = RunFolder.headPath(for: name)
    do {
      let head = try LinearHead(contentsOf: path, groups: groups)
      guard head.inputs == featureCount else {
        throw CommandFailure("\(path): takes \(head.inputs) features, but the examples have \(featureCount)")
      }
      guard head.groups.members.map(\.id) == groups.members.map(\.id) else {
        throw CommandFailure(
          "\(path): its \(head.groups.classCount) categories are not the \(groups.classCount) of the annotations")
      }
      let file = try openTensors(at: path)
      self.init(
        head, boxRegressor: try BoxRegressor(ifIn: file, groups: head.groups),
        boxBranch: head.layout.anchorsPerLocation == nil ? nil : try BoxBranch(ifIn: file),
        input: try RunRecord.Input(path: path))
    } catch let error as LinearHeadError {
      throw CommandFailure(error.description.hasPrefix(path) ? error.description : "\(path): \(error)")
    }
  }
}
