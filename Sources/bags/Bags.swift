import ArgumentParser

@main
struct Bags: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bags",
    abstract: "Re-trains the classifier of a detector for long-tailed data: balanced group softmax on a CPU.",
    version: "0.1.0",
    subcommands: [])
}
