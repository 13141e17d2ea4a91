#if MPI
import CMPI

/// The processes that `mpirun` or `srun` started together.
final class MPICommunicator: Communicator {
  let rank: Int
  let count: Int

  /// Starts MPI; to be done once, on the thread that communicates.
  ///
  /// - Throws: ``CommunicationError``.
  init() throws {
    try Self.check(cmpi_start(), "start")
    var (rank, count): (Int32, Int32) = (0, 0)
    try Self.check(MPI_Comm_rank(cmpi_world(), &rank), "find its place")
    try Self.check(MPI_Comm_size(cmpi_world(), &count), "count the processes")
    (self.rank, self.count) = (Int(rank), Int(count))
  }

  func gather(_ buffer: UnsafeMutablePointer<Float>, counts: [Int]) throws {
    let (counts, starts) = try Self.placed(counts)
    try Self.check(cmpi_gather(buffer, counts, starts, cmpi_float()), "gather")
  }

  func exchange(
    _ outgoing: UnsafePointer<Float>, counts outgoingCounts: [Int], into incoming: UnsafeMutablePointer<Float>,
    counts incomingCounts: [Int]
  ) throws {
    let (sent, sentStarts) = try Self.placed(outgoingCounts)
    let (received, receivedStarts) = try Self.placed(incomingCounts)
    try Self.check(
      MPI_Alltoallv(
        outgoing, sent, sentStarts, cmpi_float(), incoming, received, receivedStarts, cmpi_float(), cmpi_world()),
      "exchange")
  }

  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.mostBytes))
      try Self.check(
        MPI_Send(piece.baseAddress, Int32(piece.count), cmpi_byte(), Int32(rank), 0, cmpi_world()), "send")
      rest = rest.dropFirst(piece.count)
    }
  }

  func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeMutableRawBufferPointer(rebasing: rest.prefix(Self.mostBytes))
      try Self.check(cmpi_receive(piece.baseAddress, Int32(piece.count), cmpi_byte(), Int32(rank)), "receive")
      rest = rest.dropFirst(piece.count)
    }
  }

  /// Leaves MPI; all processes do so together.
  func end() { MPI_Finalize() }

  /// Ends all processes.
  func abort(status: Int32) { MPI_Abort(cmpi_world(), status) }

  private static let mostBytes = 1 << 30

  /// Counts of words as MPI takes them, and where each begins.
  private static func placed(_ counts: [Int]) throws -> (counts: [Int32], starts: [Int32]) {
    guard counts.reduce(0, +) <= Int(Int32.max) else {
      throw CommunicationError(
        "\(counts.reduce(0, +)) numbers are more than MPI passes on at once; take fewer images a batch or fewer shards")
    }
    var next = 0
    return (
      counts.map { Int32($0) },
      counts.map { count in
        defer { next += count }
        return Int32(next)
      }
    )
  }

  private static func check(_ code: Int32, _ operation: String) throws {
    guard code != cmpi_success() else { return }
    var text = [CChar](repeating: 0, count: 1024)
    var length: Int32 = 0
    MPI_Error_string(code, &text, &length)
    let words = String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    throw CommunicationError("MPI cannot \(operation): \(words)")
  }
}
#endif
