import ArgumentParser
import BalancedGroupSoftmax

/// An option of a command, as its help lists it.
struct CommandOption {
  /// With the dashes: `--epochs`.
  let name: String
  /// Whether a value follows.
  let takesValue: Bool

  /// The long options of a command.
  static func all(of command: any ParsableCommand.Type) -> [CommandOption] {
    command.helpMessage(includeHidden: true, columns: 1000).split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      // Indented: a line of the discussion may begin with an option too, but has no value name and text behind it.
      guard line.hasPrefix("  -"), let place = words.firstIndex(where: { $0.hasPrefix("--") }), place < 2 else {
        return nil
      }
      let name = String(words[place].prefix { $0 != "," })
      return CommandOption(
        name: name, takesValue: words.indices.contains(place + 1) && words[place + 1].hasPrefix("<"))
    }
  }
}

extension ParsableCommand {
  /// The command that words of a command line address, and its name's words: `report weightnorms`.
  static func addressed(by words: [String]) -> (command: any ParsableCommand.Type, names: [String]) {
    if let first = words.first, let inner = configuration.subcommands.first(where: { $0._commandName == first }) {
      let (command, names) = inner.addressed(by: Array(words.dropFirst()))
      return (command, [first] + names)
    }
    return (configuration.defaultSubcommand ?? self, [])
  }
}
