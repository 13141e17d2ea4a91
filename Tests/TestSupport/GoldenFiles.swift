import Foundation

/// The path of a file in `Golden/`: inputs with the reference implementations' answers.
public func goldenPath(_ name: String) -> String {
  Bundle.module.bundleURL.appendingPathComponent("Golden").appendingPathComponent(name).path
}

/// The path of a file of loss cases: in `Golden/losses`, or in the folder that the environment variable
/// `BAGS_GOLDEN_LOSSES` names, whose files have the same names and other cases.
public func goldenLossesPath(_ name: String) -> String {
  guard let folder = ProcessInfo.processInfo.environment["BAGS_GOLDEN_LOSSES"], !folder.isEmpty else {
    return goldenPath("losses/\(name)")
  }
  return URL(fileURLWithPath: folder).appendingPathComponent(name).path
}

/// What is wrong with the data of a test, such as a golden file: the file, the place in it, and the fault.
public struct TestDataError: Error, CustomStringConvertible {
  /// The text.
  public let description: String
}

/// The folder of files that stand for a public bug report: `gt.json` and `dt.json`.
public func casePath(_ name: String) -> String {
  Bundle.module.bundleURL.appendingPathComponent("Cases").appendingPathComponent(name).path
}
