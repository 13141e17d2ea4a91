import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation
import Yams

/// Settings of `bags train` in a file: YAML, and so JSON too, with the options' names as keys; or a run's `run.json`.
struct SettingsFile {
  /// One setting as words of a command line.
  private struct Setting {
    let option: String
    let words: [String]
    let value: String
    let line: Int
  }

  /// Where the file is.
  let path: String
  private var settings: [Setting] = []

  /// Settings are small; a data set given by mistake is not read into memory.
  private static let largestSize = 1 << 20

  /// Options that make no sense in a file.
  private static let excluded: Set = ["help", "version", "config", "resume"]

  /// Reads a file, or the `run.json` of a run's folder.
  ///
  /// - Throws: `FileError` if it cannot be read; `CommandFailure` for what is no YAML; `ValidationError`, naming the line, for
  ///   a key that is no option, or a value that is none.
  init(contentsOf path: String) throws {
    var isFolder: ObjCBool = false
    let isRun = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    self.path = isRun ? RunFolder(at: path).recordPath : path
    let file = try MappedFile(at: self.path)
    guard file.bytes.count <= Self.largestSize else {
      throw CommandFailure("\(self.path): is too large for a file of settings")
    }
    if let encoding = TextEncoding(file.bytes.prefix(4)) {
      throw CommandFailure(
        "\(self.path): is \(encoding.name) text, but must be UTF-8; iconv -f \(encoding.name) -t UTF-8 \(self.path) > utf8.yaml"
      )
    }
    let root = try Self.parsed(String(decoding: file.bytes, as: UTF8.self), path: self.path)
    if root["format"]?.string == "bags-run" {
      let record = try RunRecord(contentsOf: self.path)
      if let calibration = record.calibration {
        throw CommandFailure(
          "\(self.path): is of `bags calibrate --method \(calibration.method.name)`, not of a training")
      }
      let line = root["settings"]?.mark?.line ?? 1
      settings = record.options.map { option in
        Setting(
          option: option.name, words: Self.words(option.name, value: option.value), value: option.value, line: line)
      }
    } else {
      settings = try Self.settings(of: root, path: self.path)
    }
  }

  /// The words of a command line that say the same, as far as what was typed leaves them in force.
  ///
  /// - Parameter typed: What was typed; where it names another method, sampler, way of mining, box loss or adversary, the options
  ///   of the file's own do not apply.
  func words(besides typed: [String]) -> [String] {
    var dropped: Set<String> = []
    func drop(_ kind: String, _ parameters: (String) -> [MethodParameter]) {
      guard let chosen = CommandLineWords.value(of: "--\(kind)", in: typed),
        let stated = settings.last(where: { $0.option == kind })?.value, stated != chosen
      else { return }
      dropped.formUnion(parameters(stated).map(\.name))
      dropped.subtract(parameters(chosen).map(\.name))
    }
    drop("method") { TrainingMethod.named($0)?.parameters ?? [] }
    drop("sampler") { ImageSamplingMethod.named($0)?.parameters ?? [] }
    drop("mining") { RoIMiningMethod.named($0)?.parameters ?? [] }
    drop("box-loss") { BoxLossMethod.named($0)?.parameters ?? [] }
    drop("adversary") { AdversaryMethod.named($0)?.parameters ?? [] }
    return settings.filter { !dropped.contains($0.option) }.flatMap(\.words)
  }

  /// The line that sets an option; `nil` where none does.
  func line(of option: String) -> Int? { settings.first { $0.option == option }?.line }

  // MARK: Reading

  private static func parsed(_ text: String, path: String) throws -> Node.Mapping {
    do {
      guard let root = try compose(yaml: text) else { throw CommandFailure("\(path): is empty") }
      guard let mapping = root.mapping else {
        throw CommandFailure("\(path): holds no settings: write one `option: value` a line, such as `epochs: 12`")
      }
      return mapping
    } catch let error as YamlError {
      throw CommandFailure("\(path)\(Self.place(of: error))")
    }
  }

  /// `:3: what is wrong`.
  private static func place(of error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return ":\(mark.line): is no YAML: \(problem)"
    case .duplicatedKeysInMapping(let keys, let context):
      return ":\(context.mark.line): \(keys.sorted().joined(separator: ", ")) stands there twice"
    default:
      return ": is no YAML: \(error.description.split(separator: "\n").first ?? "")"
    }
  }

  private static func settings(of root: Node.Mapping, path: String) throws -> [Setting] {
    let options = CommandOption.all(of: TrainCommand.self)
    let parameters = TrainingMethod.all.flatMap(\.parameters).map(\.name)
    let known = Set(options.map { String($0.name.dropFirst(2)) }).union(parameters).subtracting(excluded)
    return try root.map { key, value in
      let line = key.mark?.line ?? 1
      func failure(_ message: String) -> ValidationError { ValidationError("\(path):\(line): \(message)") }
      guard let text = key.string else { throw failure("the name of a setting must be a word") }
      let option = text.replacing("_", with: "-")
      guard known.contains(option) else {
        let hint = closestOption(to: "--\(option)", among: known.sorted().map { "--\($0)" })
        throw failure(
          "'\(text)' is no setting of `bags train`" + (hint.map { "; did you mean \($0.dropFirst(2))?" } ?? ""))
      }
      if options.contains(where: { $0.name == "--\(option)" && !$0.takesValue }) {
        guard let isOn = value.bool else { throw failure("'\(text)' must be true or false") }
        return Setting(option: option, words: isOn ? ["--\(option)"] : [], value: "\(isOn)", line: line)
      }
      guard let word = word(of: value) else { throw failure("'\(text)' needs one value, or a list of them") }
      return Setting(option: option, words: words(option, value: word), value: word, line: line)
    }
  }

  /// One word, for the sake of negative numbers; two where the value is empty, which the parser would take for missing.
  private static func words(_ option: String, value: String) -> [String] {
    value.isEmpty ? ["--\(option)", value] : ["--\(option)=\(value)"]
  }

  /// A scalar as it is written, a list with commas; `nil` for what is neither.
  private static func word(of value: Node) -> String? {
    switch value {
    case .scalar(let scalar): value.null == nil ? scalar.string : nil
    case .sequence(let items):
      items.allSatisfy { $0.scalar != nil && $0.null == nil }
        ? items.compactMap { $0.scalar?.string }.joined(separator: ",") : nil
    default: nil
    }
  }
}
