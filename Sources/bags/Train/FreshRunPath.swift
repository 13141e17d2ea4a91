import BalancedGroupSoftmax
import Foundation

/// `runs/METHOD-TIME`; a second run in the same second gets a number.
func freshRunPath(for method: String) -> String {
  let path = "runs/\(method)-\(timestamp())"
  let files = FileManager.default
  func isTaken(_ path: String) -> Bool {
    files.fileExists(atPath: path) || files.fileExists(atPath: RunFolder(at: path).partialPath)
  }
  return ([path] + (2...100).map { "\(path)-\($0)" }).first { !isTaken($0) } ?? path
}

private func timestamp() -> String {
  let formatter = DateFormatter()
  formatter.locale = Locale(identifier: "en_US_POSIX")
  formatter.dateFormat = "yyyyMMdd-HHmmss"
  return formatter.string(from: Date())
}
