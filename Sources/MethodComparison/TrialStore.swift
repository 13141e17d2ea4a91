import DurableFiles
import Foundation

/// Trials of tuning that were finished, one file each, so that tuning goes on where it stopped.
public struct TrialStore: Sendable {
  /// The folder; made when the first trial is saved.
  public let path: String
  /// The part of the work that is this process's where it is divided beforehand.
  private let share: WorkShare?

  /// A store in a folder.
  ///
  /// - Parameters:
  ///   - path: The folder.
  ///   - share: The part of the work that is this process's; `nil` where processes take what is free.
  public init(at path: String, share: WorkShare? = nil) {
    self.path = path
    self.share = share
  }

  /// What is kept of a trial; no outcome where training diverged.
  struct Entry: Codable {
    var key: String
    var method: String
    var parameters: [String: String]
    var settings: [String]
    var outcome: TrialOutcome?
  }

  /// What a trial came to; `nil` for one that was not finished.
  ///
  /// - Throws: `FileError` or `ComparisonError` if its file cannot be read.
  func outcome(of key: ResultKey) throws -> Entry? {
    let digest = try key.digest()
    let path = "\(path)/\(digest).json"
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try MappedFile(at: path)
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let entry = try? decoder.decode(Entry.self, from: Data(file.bytes)), entry.key == digest else {
      throw ComparisonError(.unreadableTrial, "\(path): is no trial of this program; remove it to have it done again")
    }
    return entry
  }

  /// Claims a trial; `nil` where another process has it.
  ///
  /// - Parameters:
  ///   - key: The trial.
  ///   - isMine: Whether it is this process's where work is divided beforehand.
  /// - Throws: `FileError` if the lock cannot be made.
  func claim(_ key: ResultKey, isMine: Bool) throws -> WorkClaims.Claim? {
    try WorkClaims(at: path, share: share).claim(key.digest(), isMine: isMine)
  }

  /// Keeps what a trial came to.
  ///
  /// - Throws: `FileError`.
  func save(_ outcome: TrialOutcome?, of key: ResultKey) throws {
    let digest = try key.digest()
    let entry = Entry(
      key: digest, method: key.method, parameters: key.parameters, settings: key.settings, outcome: outcome)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    try makeFolder(at: path)
    try DurableFile.write(try encoder.encode(entry) + Data("\n".utf8), to: "\(path)/\(digest).json")
  }
}
