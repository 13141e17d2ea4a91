import CVectorKernels
import Foundation
import Synchronization

/// Threads that wait for pieces of work, for a short while without sleeping: the next region of a training step begins
/// microseconds after the last, sooner than a thread could be woken.
///
/// One region at a time; who finds the team taken shares out the work otherwise (see ``inParallel(count:threads:_:)``).
final class ThreadTeam: Sendable {
  static let shared = ThreadTeam()

  /// Held by the thread whose region runs.
  private let isTaken = Atomic(false)
  /// How many regions began; a change is what the threads wait for.
  private let regionsBegun = Atomic(0)
  /// Whether a thread may still enter the region.
  private let isOpen = Atomic(false)
  /// The threads that look at the region, or work at it.
  private let inside = Atomic(0)
  /// How many more threads may help.
  private let seats = Atomic(0)
  /// The piece that is taken next.
  private let next = Atomic(0)
  private let sleepers = Atomic(0)
  private let condition = NSCondition()

  // Written by the one who holds the team, while nobody is inside.
  private nonisolated(unsafe) var size = 0
  private nonisolated(unsafe) var count = 0
  private nonisolated(unsafe) var body: (Int) -> Void = { _ in }

  /// About 50 µs on x86-64: longer than what one thread does between two regions, and not long for another process that
  /// wants the processor.
  private static let patience = 2000

  /// Calls `body` with 0..<count, each number once, on the calling thread and up to `helpers` others.
  ///
  /// - Returns: Whether it was done; `false` where another region runs.
  func run(count: Int, helpers: Int, _ body: @escaping (Int) -> Void) -> Bool {
    guard isTaken.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else { return false }
    defer { isTaken.store(false, ordering: .releasing) }
    grow(to: helpers)
    self.body = body
    self.count = count
    next.store(0, ordering: .relaxed)
    seats.store(helpers, ordering: .relaxed)
    isOpen.store(true, ordering: .sequentiallyConsistent)
    regionsBegun.add(1, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      condition.lock()
      condition.broadcast()
      condition.unlock()
    }
    takePieces()
    // A thread enters and then looks whether the region is open; this closes it and then looks whether one is inside.
    isOpen.store(false, ordering: .sequentiallyConsistent)
    var turns = 0
    while inside.load(ordering: .sequentiallyConsistent) > 0 {
      bags_pause()
      turns += 1
      if turns > Self.patience { sched_yield() }
    }
    self.body = { _ in }
    return true
  }

  private func takePieces() {
    let body = self.body
    let count = self.count
    while true {
      let piece = next.add(1, ordering: .relaxed).oldValue
      guard piece < count else { return }
      body(piece)
    }
  }

  private func grow(to helpers: Int) {
    while size < helpers {
      size += 1
      let begun = regionsBegun.load(ordering: .relaxed)
      let thread = Thread { [self] in
        // Signals are for the program's own threads, but for those that a thread brings upon itself, such as by reading
        // from a mapped file that has shrunk: blocked, these would end the process before its handler sees them.
        var others = sigset_t()
        sigfillset(&others)
        for own in [SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGABRT] { sigdelset(&others, own) }
        pthread_sigmask(SIG_BLOCK, &others, nil)
        work(after: begun)
      }
      thread.name = "bags"
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  private func work(after begun: Int) {
    var seen = begun
    while true {
      seen = waitForRegion(after: seen)
      inside.add(1, ordering: .sequentiallyConsistent)
      if isOpen.load(ordering: .sequentiallyConsistent), seats.subtract(1, ordering: .relaxed).oldValue > 0 {
        takePieces()
      }
      inside.subtract(1, ordering: .sequentiallyConsistent)
    }
  }

  private func waitForRegion(after seen: Int) -> Int {
    for _ in 0..<Self.patience {
      let begun = regionsBegun.load(ordering: .acquiring)
      if begun != seen { return begun }
      bags_pause()
    }
    condition.lock()
    defer { condition.unlock() }
    sleepers.add(1, ordering: .sequentiallyConsistent)
    defer { sleepers.subtract(1, ordering: .sequentiallyConsistent) }
    while true {
      let begun = regionsBegun.load(ordering: .sequentiallyConsistent)
      if begun != seen { return begun }
      condition.wait()
    }
  }
}
