import ArgumentParser
import BalancedGroupSoftmax

struct AverageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "average",
    abstract: "Make one head of several: a class scores the mean of what it scores in each.",
    discussion: """
      Heads that are best in different groups of classes complement each other: the mean of balanced group softmax and of \
      softmax on class-balanced images has some of the frequent classes of the one and of the rare classes of the other. \
      The mean is a run of its own, a linear layer with as many rows as all of them, which predict, evaluate, report and \
      export take as any other. It is no layer that a framework has: Integrations put it into a detector. The heads must be \
      linear layers on the same features, or dense heads for as many anchors a location, whose anchors are averaged one by \
      one, for the same categories.

      Last layers that were trained on the output of a detector's convolutions may stand beside the detector's own head: \
      the mean is then for that output and, with the detector's convolutions, for the maps below them. It has the \
      regression branch of the first head that has one; a set with box_deltas gives the boxes all the same, unless \
      `bags predict --box-head` names the mean.

      EXAMPLES
        bags average runs/class-balanced runs/bags --output runs/both
        bags average detector_head.safetensors runs/bags
        bags average retinanet.safetensors runs/ghm --output runs/both
        bags predict runs/both --box-head runs/boxes --features pyramid/val --annotations val.json
      """)

  @Argument(help: .init("Runs, or head files; two or more.", valueName: "run|head"))
  var heads: [String]

  @Option(
    help: .init("Where the run goes (default: runs/average-TIME).", valueName: "folder"), completion: .directory)
  var output: String?

  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func validate() throws {
    guard heads.count > 1 else {
      throw ValidationError("a mean is of two heads or more: name them one after the other")
    }
  }

  func run() throws {
    let path = output ?? freshRunPath(for: Self._commandName)
    try overwrite.check(path)
    let paths = heads.map { RunFolder.headPath(for: $0) }
    // A detector's own file does not name its classes: they are those of the heads that do.
    let named = paths.lazy.compactMap { try? LinearHead(contentsOf: $0).groups }.first
    let parts = try paths.map { try LinearHead(contentsOf: $0, groups: named) }
    for (path, part) in zip(paths, parts).dropFirst() {
      do {
        _ = try LinearHead.mean(of: [parts[0], part])
      } catch let error as LinearHeadError {
        throw CommandFailure("\(path), beside \(paths[0]): \(error)")
      }
    }
    let head = try LinearHead.mean(of: parts)
    let branch = try head.layout.anchorsPerLocation == nil ? nil : boxBranch(in: paths)
    let records = try zip(heads, zip(paths, parts)).map { name, file in
      (file.0, try (try? RunFolder(at: name).record()) ?? imported(file.1, from: file.0))
    }
    let session = try RunSession.begin(
      RunRecord(meanOf: records, method: head.method, program: Program.name), groups: head.groups, at: path,
      overwriting: overwrite)
    do {
      try session.finish(head, boxBranch: branch)
    } catch {
      session.discard()
      throw error
    }
    if format.isJSON {
      try printJSON(Summary(run: path, method: head.method, heads: paths, rows: head.bias.count))
    } else {
      StandardStreams.result(
        "\(path): the mean of \(heads.count) heads, \(grouped(head.bias.count)) rows of \(head.inputs) features")
    }
  }

  /// The regression branch of the first file that has one.
  private func boxBranch(in paths: [String]) throws -> BoxBranch? {
    for path in paths {
      if let branch = try BoxBranch(ifIn: openTensors(at: path)) { return branch }
    }
    return nil
  }

  private func imported(_ head: LinearHead, from path: String) throws -> RunRecord {
    RunRecord(of: head, from: try RunRecord.Input(path: path), program: Program.name)
  }

  private struct Summary: Encodable {
    var run: String
    var method: String
    var heads: [String]
    var rows: Int
  }
}
