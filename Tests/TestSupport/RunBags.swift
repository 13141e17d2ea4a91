import Foundation

/// What a run of the command left behind.
public struct CommandOutput: Sendable {
  /// The exit status.
  public let status: Int32
  /// Standard output.
  public let output: String
  /// Standard error.
  public let error: String
}

/// Runs the built `bags` as a user would.
///
/// - Parameters:
///   - arguments: The words behind `bags`.
///   - folder: The working directory; the present one unless given.
///   - environment: Variables to set beside the present ones.
public func runBags(
  _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:]
) throws -> CommandOutput {
  try run(bagsPath, arguments, in: folder, environment: environment)
}

/// Runs a line of bash.
///
/// - Parameters:
///   - line: What to run.
///   - folder: The working directory; the present one unless given.
public func runShell(_ line: String, in folder: String? = nil) throws -> CommandOutput {
  try run("/bin/bash", ["-c", line], in: folder, environment: [:])
}

/// Starts the built `bags`, its output thrown away, for a test to interrupt it.
///
/// - Parameters:
///   - arguments: The words behind `bags`.
///   - folder: The working directory.
///   - error: A file in that folder for standard error; `nil` to throw that away too.
///   - environment: Variables to set beside the present ones.
public func startBags(
  _ arguments: [String], in folder: String, error: String? = nil, environment: [String: String] = [:]
) throws -> Process {
  let process = makeProcess(bagsPath, arguments, in: folder, environment: environment)
  process.standardOutput = FileHandle.nullDevice
  process.standardError = FileHandle.nullDevice
  if let error {
    _ = FileManager.default.createFile(atPath: "\(folder)/\(error)", contents: nil)
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(folder)/\(error)"))
  }
  try process.run()
  return process
}

/// The built command, beside the tests.
public let bagsPath = Bundle.main.bundleURL.appendingPathComponent("bags").path

private func makeProcess(
  _ path: String, _ arguments: [String], in folder: String?, environment: [String: String]
) -> Process {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: path)
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  process.standardInput = FileHandle.nullDevice
  if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
  return process
}

private func run(
  _ path: String, _ arguments: [String], in folder: String?, environment: [String: String]
) throws -> CommandOutput {
  let process = makeProcess(path, arguments, in: folder, environment: environment)
  return try withTemporaryFolder { temporary in
    // Files rather than pipes: a pipe that nobody reads blocks a talkative command.
    func sink(_ name: String) throws -> (path: String, handle: FileHandle) {
      let path = "\(temporary)/\(name)"
      _ = FileManager.default.createFile(atPath: path, contents: nil)
      return (path, try FileHandle(forWritingTo: URL(fileURLWithPath: path)))
    }
    let output = try sink("output")
    let error = try sink("error")
    process.standardOutput = output.handle
    process.standardError = error.handle
    try process.run()
    process.waitUntilExit()
    return CommandOutput(
      status: process.terminationStatus, output: try String(contentsOfFile: output.path, encoding: .utf8),
      error: try String(contentsOfFile: error.path, encoding: .utf8))
  }
}
