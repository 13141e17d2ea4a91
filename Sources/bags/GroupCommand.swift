import ArgumentParser
import BalancedGroupSoftmax
import Foundation

struct GroupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "group",
    abstract: "Put the classes of a data set into groups by how often they occur.",
    discussion: """
      Reads annotations (LVIS v0.5 or v1, COCO or alike, or a file with only categories and their counts), prints how \
      many classes and instances fall into each group, and writes groups.json for `bags train`, `bags evaluate` and \
      `bags report`.

      A group holds the classes from its lower boundary up to, not including, its upper one; classes without an \
      instance fall into G1. G0 is background. Crowds (iscrowd) are not counted: detectors never train on them. Images \
      are those with at least one instance.

      --features counts what there is to train on too: the labelled RoIs of each group, or for a set of feature maps the \
      anchors that objects are assigned to, those that are ignored, and the background. Only labels are looked at, so that \
      a set may be far larger than memory.

      EXAMPLES
        bags group lvis_v1_train.json
        bags group instances_train2017.json --output coco_groups.json
        bags group train.json --boundaries 5,10,50,100,500,1000,5000
        bags group train.json --boundaries auto:4
        bags group lvis_v1_train.json --count-by images --boundaries 11,101
        bags group train.json --features maps/train
        bags group train.json --format json | jq .groups
      """)

  @Argument(help: .init("Annotations, LVIS or COCO JSON; the training split's.", valueName: "annotations"))
  var annotations: String

  @Option(
    help: .init(
      "The inner boundaries between groups; auto:N for N groups by natural breaks of the counts' logarithms.",
      valueName: "counts|auto:N"))
  var boundaries = GroupBoundaries.counts([10, 100, 1000])

  @Option(help: "What to hold against the boundaries.")
  var countBy = CategoryGroups.CountedBy.instances

  @Option(
    help: """
      Count the annotations, or take instance_count and image_count of the categories (default: annotations, if there \
      are any).
      """)
  var countsFrom: CountsSource?

  @Option(
    help: .init("A feature set of the same images, whose labelled RoIs or anchors are counted.", valueName: "folder"),
    completion: .directory)
  var features: String?

  @Option(help: .init("Where the groups go.", valueName: "file"))
  var output = "groups.json"

  @Option(
    help: .init(
      "Also write label2binlabel.npy and pred_slice.npy, the tables that the official code needs, into this folder.",
      valueName: "folder"))
  var exportOfficial: String?

  @OptionGroup var strictness: StrictnessOptions
  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func validate() throws {
    if case .counts(let values) = boundaries, !zip([0] + values, values).allSatisfy(<) {
      throw ValidationError("--boundaries must ascend from above 0, such as 10,100,1000")
    }
  }

  func run() throws {
    // Groups of other boundaries are often wanted beside those that are there.
    let present = try? CategoryGroups(contentsOf: output)
    try overwrite.check(
      output,
      contents: present.map { "groups of the boundaries \($0.boundaries.map(String.init).joined(separator: ","))" })
    let tables = exportOfficial.map { folder in
      CategoryGroups.OfficialTables.fileNames.map { (folder as NSString).appendingPathComponent($0) }
    }
    for path in tables ?? [] { try overwrite.check(path, option: "--export-official") }

    // Labels go by the objects' boxes, which grouping alone does not need.
    let dataset = try LVISDataset(
      contentsOf: annotations, including: features == nil ? [] : .boxes, isStrict: strictness.strict)
    let groups: CategoryGroups
    do {
      groups = try CategoryGroups(counting: dataset, boundaries: boundaries, countedBy: countBy, from: countsFrom)
    } catch let error as CategoryGroupsError {
      throw error.inFile(annotations)
    }
    let text = try GroupingText(dataset, path: annotations, groups: groups)
    StandardStreams.show(text.report.warnings)
    let census = try features.map {
      ExampleCensus(of: try examples(of: dataset, in: $0, groups: groups), groups: groups)
    }
    try groups.write(to: output)
    if let exportOfficial { try groups.officialTables.write(to: exportOfficial) }

    let conversion = exportOfficial.map {
      "to make the official code's files of the tables:\n\(Self.conversion(in: $0))"
    }
    if format.isJSON {
      try printJSON(Summary(report: text.report, examples: census))
      if let conversion { StandardStreams.note(conversion) }
    } else {
      StandardStreams.result(
        [text.rendered(width: terminalWidth()), census.map(GroupingText.text), conversion].compactMap(\.self).joined(
          separator: "\n\n"))
    }
    StandardStreams.note("wrote \(([output] + (tables ?? [])).joined(separator: ", "))")
  }

  /// What is printed in JSON.
  private struct Summary: Encodable {
    let report: GroupingReport
    let examples: ExampleCensus?

    private enum CodingKeys: CodingKey { case examples }

    func encode(to encoder: any Encoder) throws {
      try report.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encodeIfPresent(examples, forKey: .examples)
    }
  }

  /// The line that turns the tables into the files that the official configuration names.
  static func conversion(in folder: String) -> String {
    let quoted = folder.replacingOccurrences(of: "'", with: "'\\''")
    return """
      python -c "import sys, numpy, torch; [torch.save(torch.from_numpy(numpy.load(f'{sys.argv[1]}/{a}.npy')), \
      f'{sys.argv[1]}/{b}.pt') for a, b in (('label2binlabel', 'label2binlabel'), ('pred_slice', 'pred_slice_with0'))]" \
      '\(quoted)'
      """
  }
}

extension GroupBoundaries: ExpressibleByArgument {
  /// Reads what was typed.
  public init?(argument: String) { self.init(argument) }
  /// As it would be typed.
  public var defaultValueDescription: String { description }
}

extension CategoryGroups.CountedBy: ExpressibleByArgument {}
extension CountsSource: ExpressibleByArgument {}
