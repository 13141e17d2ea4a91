import BalancedGroupSoftmax
import ModelExport

extension ConvertCommand {
  /// Converts the class head of one of transformers' query detectors.
  ///
  /// - Returns: Whether input or output is one.
  func convertQueries() throws -> Bool {
    let files = try inputs.map { try openTensors(at: RunFolder.headPath(for: $0)) }
    let stated = files.first?.metadata["framework"].flatMap { DetectorFramework(rawValue: $0) }
    let isFromQueries = (from ?? stated ?? .bags) == .transformers
    guard isFromQueries || to == .transformers else { return false }
    guard files.count == 1, let file = files.first else {
      throw CommandFailure("a query detector has one class head, of its last decoder layer; give one input")
    }
    guard isFromQueries || (from ?? stated ?? .bags) == .bags, to == .transformers || to == .bags else {
      throw CommandFailure("a query detector's head is converted to and from a head file of this program alone")
    }
    try overwrite.check(output)
    let order = try readClassOrder()
    let head =
      isFromQueries
      ? try QueryDetectorHead(
        file,
        DetectorHeadDescription(
          framework: .transformers, groups: readGroups(), order: order, layout: layout, prefix: prefix))
      : try QueryDetectorHead(classifier: LinearHead(file, groups: readGroups()))
    if !head.otherRows.isEmpty {
      StandardStreams.note(
        "\(file.path): \(head.otherRows.count) rows are no category and left out "
          + "(\(listed(head.otherRows.map(String.init)))); `bags convert --into \(file.path)` writes a head back between them"
      )
    }
    if to == .transformers {
      let isEncoders = try head.write(order: order, into: into.map { try openTensors(at: $0) }, to: output)
      if isEncoders, let into {
        StandardStreams.warn(
          "\(into): its encoder chooses the queries by these very rows, so the detector's queries are others with them; "
            + "install_head of Integrations puts the head into the last decoder layer alone")
      }
    } else {
      try head.classifier.write(to: output)
    }
    try reportHead(head.classifier, of: to, to: output)
    return true
  }
}
