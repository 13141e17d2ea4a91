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
  let process = Process()
  process.executableURL = Bundle.main.bundleURL.appendingPathComponent("bags")
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
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
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return CommandOutput(
      status: process.terminationStatus, output: try String(contentsOfFile: output.path, encoding: .utf8),
      error: try String(contentsOfFile: error.path, encoding: .utf8))
  }
}
