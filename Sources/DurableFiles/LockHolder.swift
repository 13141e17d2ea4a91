import Foundation

/// The process that holds a lock, as the lock's file names it.
public struct LockHolder: Sendable, Equatable {
  /// The number of the process, on its host.
  public let process: Int32
  /// The name of its host.
  public let host: String
  /// When it took the lock, to the second.
  public let since: Date

  /// This process, now.
  public init() {
    process = getpid()
    host = Self.thisHost
    since = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
  }

  /// Reads a holder's line; `nil` where it is none.
  init?(_ text: String) {
    let words = text.split(whereSeparator: \.isWhitespace)
    guard let process = words.first.flatMap({ Int32($0) }) else { return nil }
    self.process = process
    host = words.count > 1 ? String(words[1]) : Self.thisHost
    since = Date(timeIntervalSince1970: words.count > 2 ? Double(words[2]) ?? 0 : 0)
  }

  /// Reads the line in a lock's file.
  init?(named descriptor: Int32) {
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    self.init(String(decoding: bytes.prefix(count), as: UTF8.self))
  }

  /// Reads who a lock's file names, whether it is held or not; `nil` where there is none.
  package init?(namedAt path: String) {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    self.init(String(decoding: data, as: UTF8.self))
  }

  /// The line by which a lock's file names it.
  package var text: String { "\(process) \(host) \(Int(since.timeIntervalSince1970))\n" }

  /// The process, with its host where that is another one.
  public var name: String { "process \(process)" + (host == Self.thisHost ? "" : " on \(host)") }

  /// The name of this host, without blanks.
  package static let thisHost: String = {
    var bytes = [CChar](repeating: 0, count: 256)
    guard gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
    let name = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return name.isEmpty ? "localhost" : name.replacing(" ", with: "-")
  }()
}
