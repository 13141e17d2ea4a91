import DurableFiles
import Foundation

/// Trials of tuning that were finished, one file each, so that tuning goes on where it stopped.
public struct TrialStore: Sendable {
  /// The folder; made when the first trial is saved.
  public let path: String

  /// A store in a folder.
  public init(at path: String) { self.path = path }

  /// What is kept of a trial; no metrics where training diverged.
  struct Entry: Codable {
    var key: String
    var method: String
    var parameters: [String: String]
    var settings: [String]
    var metrics: [String: Double]?
  }

  /// What a trial came to; `nil` for one that was not finished.
  ///
  /// - Throws: `FileError` or `ComparisonError` if its file cannot be read.
  func metrics(of key: ResultKey) throws -> Entry? {
    let digest = try key.digest()
    let path = "\(path)/\(digest).json"
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try MappedFile(at: path)
    guard let entry = try? JSONDecoder().decode(Entry.self, from: Data(file.bytes)), entry.key == digest else {
      throw ComparisonError(.unreadableTrial, "\(path): is no trial of this program; remove it to have it done again")
    }
    return entry
  }

  /// Keeps what a trial came to.
  ///
  /// - Throws: `FileError`.
  func save(_ metrics: [String: Double]?, of key: ResultKey) throws {
    let digest = try key.digest()
    let entry = Entry(
      key: digest, method: key.method, parameters: key.parameters, settings: key.settings, metrics: metrics)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try makeFolder(at: path)
    try DurableFile.write(try encoder.encode(entry) + Data("\n".utf8), to: "\(path)/\(digest).json")
  }
}
