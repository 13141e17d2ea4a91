import Foundation

/// The path of third-party data that lies beside a developer's checkout and is never part of the project; `nil` where
/// it is not there. A test that needs it is skipped then: `.enabled(if: sharedDataPath("taco.json") != nil)`.
public func sharedDataPath(_ name: String) -> String? {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  let path = root.appendingPathComponent("../shared/data").appendingPathComponent(name).standardized.path
  return FileManager.default.fileExists(atPath: path) ? path : nil
}
