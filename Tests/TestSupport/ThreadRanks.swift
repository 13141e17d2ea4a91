import Communication
import Foundation

/// Processes that are threads of this one, so that tests need no MPI.
public final class ThreadRanks: Communicator, @unchecked Sendable {
  private final class Meeting: @unchecked Sendable {
    let condition = NSCondition()
    let count: Int
    var arrived = 0
    var round = 0
    var slots: [UnsafeRawPointer?]
    var counts: [[Int]]
    var messages: [Int: [[UInt8]]] = [:]

    init(count: Int) {
      self.count = count
      slots = Array(repeating: nil, count: count)
      counts = Array(repeating: [], count: count)
    }

    /// Returns when all have come.
    func wait() {
      condition.lock()
      defer { condition.unlock() }
      let own = round
      arrived += 1
      if arrived == count {
        arrived = 0
        round += 1
        condition.broadcast()
      }
      while round == own { condition.wait() }
    }
  }

  /// The thread, from 0.
  public let rank: Int
  /// The number of threads.
  public var count: Int { meeting.count }
  private let meeting: Meeting

  private init(rank: Int, meeting: Meeting) {
    self.rank = rank
    self.meeting = meeting
  }

  /// Does the same on as many threads, each with its communicator; returns what they came to, by rank.
  public static func run<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (any Communicator) throws -> Value
  ) throws -> [Value] {
    let meeting = Meeting(count: count)
    let results = Results<Value>(count: count)
    let group = DispatchGroup()
    for rank in 0..<count {
      group.enter()
      // Threads of their own: a pool may have fewer than wait for each other.
      Thread.detachNewThread {
        results.set(Result { try body(ThreadRanks(rank: rank, meeting: meeting)) }, at: rank)
        group.leave()
      }
    }
    group.wait()
    return try results.values()
  }

  private final class Results<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var all: [Result<Value, any Error>?]
    init(count: Int) { all = Array(repeating: nil, count: count) }
    func set(_ value: Result<Value, any Error>, at rank: Int) { lock.withLock { all[rank] = value } }
    func values() throws -> [Value] { try lock.withLock { try all.compactMap { try $0?.get() } } }
  }

  /// Copies the parts of the others.
  public func gather(_ buffer: UnsafeMutablePointer<Float>, counts: [Int]) {
    meeting.slots[rank] = UnsafeRawPointer(buffer)
    meeting.wait()
    var start = 0
    for (other, count) in counts.enumerated() {
      if other != rank, let from = meeting.slots[other] {
        memcpy(buffer + start, from + 4 * start, 4 * count)
      }
      start += count
    }
    meeting.wait()
  }

  /// Copies what the others have for this one.
  public func exchange(
    _ outgoing: UnsafePointer<Float>, counts outgoingCounts: [Int], into incoming: UnsafeMutablePointer<Float>,
    counts incomingCounts: [Int]
  ) {
    meeting.slots[rank] = UnsafeRawPointer(outgoing)
    meeting.counts[rank] = outgoingCounts
    meeting.wait()
    var start = 0
    for (other, count) in incomingCounts.enumerated() {
      let theirs = meeting.counts[other]
      precondition(theirs[rank] == count, "what is sent is not what is expected")
      if let from = meeting.slots[other] {
        memcpy(incoming + start, from + 4 * theirs[..<rank].reduce(0, +), 4 * count)
      }
      start += count
    }
    meeting.wait()
  }

  /// Leaves a message.
  public func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) {
    meeting.condition.lock()
    meeting.messages[self.rank * count + rank, default: []].append(Array(bytes))
    meeting.condition.broadcast()
    meeting.condition.unlock()
  }

  /// Waits for a message.
  public func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) {
    meeting.condition.lock()
    let key = rank * count + self.rank
    while meeting.messages[key, default: []].isEmpty { meeting.condition.wait() }
    bytes.copyBytes(from: meeting.messages[key, default: []].removeFirst())
    meeting.condition.unlock()
  }
}
