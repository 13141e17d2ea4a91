import ArgumentParser
import BalancedGroupSoftmax
import Foundation

/// The words of a command line, made into those that the parser takes, with an answer where it refuses them.
struct CommandLineWords {
  private let words: [String]
  private var settings: SettingsFile?

  /// - Parameter words: What was typed behind `bags`.
  init(_ words: [String]) { self.words = Self.joiningNegativeNumbers(words) }

  /// Parses and runs the command, and ends the program where that fails.
  static func run(_ typed: [String]) {
    var line = CommandLineWords(typed)
    var parsed: (any ParsableCommand)?
    do {
      try line.refuseUnknownCommand()
      try line.refuseSettingsOfResumedRun()
      parsed = try Bags.parseAsRoot(try line.withSettings())
    } catch {
      line.exit(withParsingError: error)
    }
    do {
      try refuseCompany(parsed)
      try parsed?.run()
      Ranks.leave()
    } catch {
      let error = plainError(error)
      Ranks.leave(after: Bags.message(for: error), status: Interruption.exitStatus ?? 1)
      if StandardStreams.isMuted { Foundation.exit(Interruption.exitStatus ?? 1) }
      guard let status = Interruption.exitStatus else { Bags.exit(withError: error) }
      StandardStreams.note("Error: \(Bags.message(for: error))")
      Foundation.exit(status)
    }
  }

  /// Of commands that divide no work among processes that were started together, one process is enough.
  private static func refuseCompany(_ command: (any ParsableCommand)?) throws {
    // Those of `compare` divide a folder.
    let sharing: [any ParsableCommand.Type] = [
      TrainCommand.self, PredictCommand.self, EvaluateCommand.self, CompareCommand.self,
    ]
    guard let command, !sharing.contains(where: { $0 == type(of: command) }) else { return }
    try Ranks.refuseCompany("bags \(type(of: command)._commandName) is for one of them: leave mpirun or srun out")
  }

  /// `--name -1` as `--name=-1`: the parser would take `-1` for an option.
  static func joiningNegativeNumbers(_ words: [String]) -> [String] {
    var joined: [String] = []
    for (index, word) in words.enumerated() {
      let isOpen = !words[..<index].contains("--")
      if isOpen, let last = joined.last, last.hasPrefix("--"), !last.contains("="), word.hasPrefix("-"),
        Double(word) != nil
      {
        joined[joined.count - 1] = "\(last)=\(word)"
      } else {
        joined.append(word)
      }
    }
    return joined
  }

  /// The words with those of a settings file before them, over which they win.
  private mutating func withSettings() throws -> [String] {
    let name = TrainCommand._commandName
    guard words.first == name, let path = Self.value(of: "--config", in: words),
      Self.value(of: "--resume", in: words) == nil
    else { return words }
    let file = try SettingsFile(contentsOf: path)
    settings = file
    return [name] + file.words(besides: Array(words.dropFirst())) + words.dropFirst()
  }

  /// The last value of an option that was typed.
  static func value(of option: String, in words: [String]) -> String? {
    let open = words.prefix { $0 != "--" }
    guard let place = open.lastIndex(where: { $0 == option || $0.hasPrefix("\(option)=") }) else { return nil }
    if open[place] != option { return String(open[place].dropFirst(option.count + 1)) }
    return open.indices.contains(place + 1) ? open[place + 1] : nil
  }

  // MARK: Mistakes

  private func refuseUnknownCommand() throws {
    let names = Bags.configuration.subcommands.map { $0._commandName }
    guard let first = words.first, !first.hasPrefix("-"), !(names + ["help"]).contains(first) else { return }
    let hint = closest(to: first, among: names).map { "did you mean \($0)?" }
    throw ValidationError(
      "there is no command '\(first)'; \(hint ?? "the commands are \(names.joined(separator: ", "))")")
  }

  /// A run goes on with its own settings: others, which it would not heed, are refused. A default looks like what was
  /// typed once it is parsed, so the words tell.
  private func refuseSettingsOfResumedRun() throws {
    guard Self.value(of: "--resume", in: words) != nil else { return }
    let heeded = ["--resume", "--checkpoint-interval", "--format", "--help"]
    let options = words.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }.map { String($0.prefix { $0 != "=" }) }
    if let other = options.first(where: { !heeded.contains($0) }) {
      throw ValidationError("--resume takes inputs and settings from the run; \(other) cannot be given with it")
    }
  }

  /// Says what is wrong with the words, as well as it is known, and ends the program.
  private func exit(withParsingError error: any Error) -> Never {
    let code = Bags.exitCode(for: error)
    guard code != .success, code != .failure else { Bags.exit(withError: plainError(error)) }
    let message = refusalOfUnknownOption(error) ?? placeInSettings(of: Bags.message(for: error))
    guard let message else { Bags.exit(withError: error) }
    let full = Bags.fullMessage(for: error)
    let usage = full.range(of: "\nUsage:").map { String(full[$0.lowerBound...]) } ?? ""
    StandardStreams.note("Error: \(message)\(usage)")
    Foundation.exit(code.rawValue)
  }

  /// The parser's own words hide it where a required option is missing because its name was mistyped, or where its value
  /// was taken for that of an option before it which needs none (`--tune`).
  private func refusalOfUnknownOption(_ error: any Error) -> String? {
    let command = Bags.addressed(by: words).command
    // What this one does not know may be its method's, which it looks after itself.
    guard command != TrainCommand.self, command != CalibrateCommand.self else { return nil }
    let known = CommandOption.all(of: command).map(\.name)
    let options = words.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }.map { String($0.prefix { $0 != "=" }) }
    guard let unknown = options.first(where: { !known.contains($0) }) else { return nil }
    return "Unknown option '\(unknown)'."
      + (closestOption(to: unknown, among: known).map { " Did you mean '\($0)'?" } ?? "")
  }

  /// The message with the line of the settings file that it is about; `nil` where it is about none.
  private func placeInSettings(of message: String) -> String? {
    guard let settings else { return nil }
    let named = message.split { !($0.isLetter || $0.isNumber || $0 == "-") }.filter { $0.hasPrefix("--") }
    for option in named {
      let isTyped = words.contains { $0 == option || $0.hasPrefix("\(option)=") }
      if !isTyped, let line = settings.line(of: String(option.dropFirst(2))) {
        return "\(settings.path):\(line): \(message)"
      }
    }
    return nil
  }
}
