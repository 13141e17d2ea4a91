import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles

/// The search for annotations that are likely to be wrong, and where its findings go.
struct LabelErrorOptions: ParsableArguments {
  /// What a list of likely errors is written for.
  enum Form: String, ExpressibleByArgument, CaseIterable {
    case csv
    case labelStudio = "label-studio"
    case fiftyOne = "fiftyone"
  }

  @Flag(
    help:
      "Look for annotations that are likely wrong: confident detections that none meets, those that every confident detection contradicts, duplicates."
  )
  var labelErrors = false

  @Option(help: .init("The score from which a detection is believed against an annotation.", valueName: "score"))
  var labelConfidence = LabelErrors.standardConfidence

  @Option(
    help: .init("Write all likely label errors: .csv, or .json for Label Studio or FiftyOne.", valueName: "file"))
  var labelErrorsOutput: String?

  @Option(
    help:
      "With --label-errors-output: csv, tasks for Label Studio's import, or labels.json of a FiftyOneImageDetectionDataset (default: csv, and label-studio for .json)."
  )
  var labelErrorsFormat: Form?

  /// Whether they are looked for.
  var isAsked: Bool { labelErrors || labelErrorsOutput != nil }

  private var form: Form {
    if let labelErrorsFormat { return labelErrorsFormat }
    guard let path = labelErrorsOutput, let format = TableFormat(path: path) else { return .csv }
    return format == .json ? .labelStudio : .csv
  }

  func validate() throws {
    guard labelConfidence.isFinite else { throw ValidationError("--label-confidence must be a number") }
    if labelConfidence != LabelErrors.standardConfidence, !isAsked {
      throw ValidationError("--label-confidence needs --label-errors or --label-errors-output")
    }
    try TableFormat.check(labelErrorsOutput, option: "--label-errors-output")
    guard let path = labelErrorsOutput, let labelErrorsFormat else {
      if labelErrorsFormat != nil { throw ValidationError("--label-errors-format needs --label-errors-output") }
      return
    }
    guard (labelErrorsFormat == .csv) == (TableFormat(path: path) == .csv) else {
      throw ValidationError(
        "--label-errors-output \(path): \(labelErrorsFormat.rawValue) is written as .\(labelErrorsFormat == .csv ? "csv" : "json")"
      )
    }
  }

  /// Writes what was found, where a file was named.
  ///
  /// - Parameter annotations: The file whose image records have the images' names.
  func write(_ errors: LabelErrors?, annotations: String) throws {
    guard let errors, let path = labelErrorsOutput else { return }
    if form != .csv, let unsized = errors.findings.first(where: { $0.imageSize.contains { $0 <= 0 } }) {
      throw CommandFailure(
        "\(path): image \(unsized.imageID) has no width and height in \(annotations), and boxes are written as shares of "
          + "them; write .csv instead")
    }
    var names = (try? ImageAttribute(key: "file_name", ofImagesIn: annotations))?.values ?? [:]
    // LVIS v1 has an address in place of a name.
    if names.isEmpty { names = (try? ImageAttribute(key: "coco_url", ofImagesIn: annotations))?.values ?? [:] }
    let text =
      switch form {
      case .csv: errors.csv(imageNames: names)
      case .labelStudio: try errors.labelStudioTasks(imageNames: names)
      case .fiftyOne: try errors.fiftyOneLabels(imageNames: names)
      }
    try DurableFile.write(text, to: path)
  }
}
