/// The processes that do one piece of work together, the ranks of MPI: each calls the same methods in the same order.
///
/// Sizes are in 32-bit words. What arrives is the same in any run; nothing is summed on the way, since the order in which
/// a network sums is not fixed.
public protocol Communicator: AnyObject, Sendable {
  /// The place of this process among all, from 0.
  var rank: Int { get }
  /// The number of processes.
  var count: Int { get }

  /// Gives every process the parts of all.
  ///
  /// - Parameters:
  ///   - buffer: The parts of all processes, one behind the other by rank; that of this process is in its place already.
  ///   - counts: The size of every part.
  /// - Throws: ``CommunicationError``.
  func gather(_ buffer: UnsafeMutablePointer<Float>, counts: [Int]) throws

  /// Gives every process its part of what each process has for it.
  ///
  /// - Parameters:
  ///   - outgoing: What this process has for every process, one behind the other by rank.
  ///   - outgoingCounts: The sizes of these parts.
  ///   - incoming: Takes what every process has for this one, one behind the other by rank.
  ///   - incomingCounts: The sizes of these parts.
  /// - Throws: ``CommunicationError``.
  func exchange(
    _ outgoing: UnsafePointer<Float>, counts outgoingCounts: [Int], into incoming: UnsafeMutablePointer<Float>,
    counts incomingCounts: [Int]
  ) throws

  /// Sends bytes to one process, which receives as many.
  ///
  /// - Throws: ``CommunicationError``.
  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws

  /// Takes the bytes that one process sends.
  ///
  /// - Throws: ``CommunicationError``.
  func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws
}

/// Something that went wrong between processes.
public struct CommunicationError: Error, CustomStringConvertible {
  /// One line about it.
  public let description: String

  /// Makes an error from one line.
  public init(_ description: String) { self.description = description }
}

/// One process by itself.
public final class OneProcess: Communicator {
  /// Makes the communicator of a process that works alone.
  public init() {}
  /// Zero, since the only process is the first.
  public var rank: Int { 0 }
  /// One, since there is no other process.
  public var count: Int { 1 }
  /// Does nothing: the only part is there.
  public func gather(_ buffer: UnsafeMutablePointer<Float>, counts: [Int]) {}
  /// Copies the only part.
  public func exchange(
    _ outgoing: UnsafePointer<Float>, counts outgoingCounts: [Int], into incoming: UnsafeMutablePointer<Float>,
    counts incomingCounts: [Int]
  ) {
    incoming.update(from: outgoing, count: outgoingCounts[0])
  }
  /// Does nothing: there is nobody to send to.
  public func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) {}
  /// Does nothing: there is nobody who sends.
  public func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) {}
}
