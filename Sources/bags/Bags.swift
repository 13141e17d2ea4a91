import ArgumentParser
import DenseLinearAlgebra

@main
struct Bags: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "bags",
    abstract: "Re-trains the classifier of a detector for long-tailed data: balanced group softmax on a CPU.",
    version: version,
    subcommands: [
      GroupCommand.self,
      TrainCommand.self,
      CalibrateCommand.self,
      RunsCommand.self,
      ShowCommand.self,
      MethodsCommand.self,
      CompareCommand.self,
      PredictCommand.self,
      EvaluateCommand.self,
      ReportCommand.self,
      DemoCommand.self,
    ])

  static func main() {
    OpenBLAS.restartWithFasterKernels()
    CommandLineWords.run(Array(CommandLine.arguments.dropFirst()))
  }
}
