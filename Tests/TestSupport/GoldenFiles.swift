import Foundation

/// The path of a file in `Golden/`: inputs with the reference implementations' answers.
public func goldenPath(_ name: String) -> String {
  Bundle.module.bundleURL.appendingPathComponent("Golden").appendingPathComponent(name).path
}

/// The path of third-party data that lies beside a developer's checkout and is never part of the project; `nil` where
/// it is not there. A test that needs it is skipped then: `.enabled(if: sharedDataPath("taco.json") != nil)`.
public func sharedDataPath(_ name: String) -> String? {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  let path = root.appendingPathComponent("../shared/data").appendingPathComponent(name).standardized.path
  return FileManager.default.fileExists(atPath: path) ? path : nil
}

/// A new empty folder that is removed after `body`.
public func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("bags-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: url) }
  return try body(url.path)
}

/// The folder of files that stand for a public bug report: `gt.json` and `dt.json`.
public func casePath(_ name: String) -> String {
  Bundle.module.bundleURL.appendingPathComponent("Cases").appendingPathComponent(name).path
}
