import ArgumentParser
import BalancedGroupSoftmax

@main
struct Bags: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bags",
    abstract: "Re-trains the classifier of a detector for long-tailed data: balanced group softmax on a CPU.",
    discussion: """
      Every command has --help with examples, prints its result on standard output and all else on standard error, and \
      takes --format json where it prints a table. Colours are for terminals; NO_COLOR=1 turns them off.

      EXAMPLES
        bags demo                       the whole path on built-in data
        bags train --help
        bags --generate-completion-script zsh > ~/.zsh/_bags    completions; for bash and fish too
      """,
    version: Program.version,
    subcommands: [
      CheckCommand.self,
      GroupCommand.self,
      TrainCommand.self,
      CalibrateCommand.self,
      AverageCommand.self,
      RunsCommand.self,
      ShowCommand.self,
      MethodsCommand.self,
      CompareCommand.self,
      PredictCommand.self,
      EvaluateCommand.self,
      ConvertCommand.self,
      ExportCommand.self,
      ReportCommand.self,
      DemoCommand.self,
    ])

  static func main() {
    OpenBLAS.restartWithFasterKernels()
    OpenBLAS.endWaitingThreads()
    Interruption.watch()
    CommandLineWords.run(Array(CommandLine.arguments.dropFirst()))
  }
}
