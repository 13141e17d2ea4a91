import ArgumentParser
import BalancedGroupSoftmax

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say what is wrong with annotations, features, results and a head.",
    discussion: """
      Reads the files whole and says what is wrong with each of them and between them, errors first: how many records, \
      one example, the likely cause and what to do. Files of one split belong together: the training annotations with \
      the training features, the validation annotations with validation features and results.

      An error is what cannot come out right: labels that count from 0, boxes in another scale, features that are not \
      finite, a file that cannot be read. A warning costs something; a note may well be meant so. The exit status is 1 \
      where there is an error, else 0. The other commands say what they come across of the same, from a sample.

      The recall of the proposals is the share of objects that a RoI overlaps from IoU .5 on: no classifier finds the \
      others. It is given for the groups of the annotations, or of --groups.

      EXAMPLES
        bags check lvis_v1_train.json
        bags check lvis_v1_train.json --features features/train
        bags check lvis_v1_val.json --features features/val --results results.json --head runs/latest \
      --groups groups.json
        bags check train.json --format json | jq '.findings[] | select(.severity == "error")'
      """)

  @Argument(help: .init("Annotations, an LVIS, COCO or COCO-like file.", valueName: "annotations"))
  var annotations: String

  @Option(
    help: .init("A feature set of the same images.", valueName: "folder"), completion: .directory)
  var features: String?

  @Option(
    help: .init("Detections in the same images: a JSON list, as LVIS and COCO submit them.", valueName: "file"),
    completion: .file(extensions: ["json", "jsonl"]))
  var results: String?

  @Option(help: .init("A run, or a head file, for the same classes.", valueName: "run|head"), completion: .file())
  var head: String?

  @Option(
    help: .init(
      "A groups.json, for the recall of each group (default: groups of these annotations).", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var groups: String?

  @OptionGroup var format: FormatOptions

  func run() throws {
    var files = CheckedFiles(annotations: annotations)
    files.features = features
    files.results = results
    files.head = head.map { RunFolder.headPath(for: $0) }
    files.groups = groups
    let check = DataCheck(of: files)
    if format.isJSON {
      try printJSON(check)
    } else {
      StandardStreams.result(CheckText(check).rendered(width: terminalWidth()))
    }
    if check.count(of: .error) > 0 { throw ExitCode.failure }
  }
}
