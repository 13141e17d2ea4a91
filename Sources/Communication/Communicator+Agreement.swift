/// An error of one process, which all processes stop with.
public struct AgreedError: Error, CustomStringConvertible {
  /// The process whose error it is.
  public let rank: Int
  /// Its words, and the number of the process.
  public let description: String

  /// Makes the error of a process.
  public init(rank: Int, description: String) {
    self.rank = rank
    self.description = description
  }
}

extension Communicator {
  /// Does a process's own part of the work; where that fails anywhere, all processes stop.
  ///
  /// - Parameter body: The part.
  /// - Throws: The error itself where there is one process; else ``AgreedError``, the same on all of them.
  public func agreed<Value>(_ body: () throws -> Value) throws -> Value {
    guard count > 1 else { return try body() }
    let result = Result { try body() }
    var failure: (any Error)?
    if case .failure(let error) = result { failure = error }
    try stopTogether(failure)
    return try result.get()
  }

  /// Ends the work of all processes where one of them has failed.
  ///
  /// - Parameter failure: The error of this process; `nil` for none.
  /// - Throws: ``AgreedError``.
  public func stopTogether(_ failure: (any Error)?) throws {
    guard try gathered([failure == nil ? 0 : 1]).contains(where: { $0[0] != 0 }) else { return }
    let words = 512
    var text = Array("\(failure.map { "\($0)" } ?? "")".utf8.prefix(4 * words))
    if failure != nil, text.isEmpty { text = Array("an error without words".utf8) }
    text += [UInt8](repeating: 0, count: 4 * words - text.count)
    let all = try gathered(
      (0..<words).map { word in
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(text[4 * word + $1]) << UInt32(8 * $1) }
      })
    for (rank, words) in all.enumerated() where words[0] != 0 {
      let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
      throw AgreedError(
        rank: rank, description: String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) + " (process \(rank))")
    }
  }

  /// A few numbers of every process, as many of each, by rank.
  ///
  /// - Throws: ``CommunicationError``.
  public func gathered(_ numbers: [UInt32]) throws -> [[UInt32]] {
    var all = [UInt32](repeating: 0, count: numbers.count * count)
    let own = rank * numbers.count
    all.replaceSubrange(own..<own + numbers.count, with: numbers)
    try all.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      try gather(
        base.assumingMemoryBound(to: Float.self), counts: Array(repeating: numbers.count, count: count))
    }
    return (0..<count).map { Array(all[$0 * numbers.count..<($0 + 1) * numbers.count]) }
  }

  /// Bytes of every process to the first one, one process after the other.
  ///
  /// - Parameters:
  ///   - bytes: Those of this process.
  ///   - take: Called on the first process with those of each process, by rank.
  /// - Throws: ``CommunicationError``; what `take` throws.
  public func collect(_ bytes: [UInt8], _ take: ([UInt8]) throws -> Void) throws {
    let sizes = try gathered([UInt32(truncatingIfNeeded: bytes.count), UInt32(bytes.count >> 32)])
    if rank > 0 { return try bytes.withUnsafeBytes { try send($0, to: 0) } }
    try take(bytes)
    for other in 1..<max(1, count) {
      var received = [UInt8](repeating: 0, count: Int(sizes[other][0]) | Int(sizes[other][1]) << 32)
      try received.withUnsafeMutableBytes { try receive($0, from: other) }
      try take(received)
    }
  }
}
