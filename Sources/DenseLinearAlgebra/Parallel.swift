import Dispatch
import Synchronization

/// Runs `body` once for each of `parts`, on as many threads as there are cores; in line where there is one part.
///
/// A region costs a few microseconds. Work divided by `evenSlice` gives the same sums for the same number of parts.
public func inParallel(parts: Int, _ body: (Int) -> Void) {
  inParallel(count: parts, threads: parts, body)
}

/// Runs `body` once for each of 0..<count; a thread that is done with one takes the next.
///
/// What a piece gives must not depend on who does it, nor on the pieces before.
///
/// - Parameters:
///   - count: The pieces of work, those that take longest best first.
///   - threads: The most threads that work on them at once; no more than there are cores take part.
///   - body: Does a piece; called on several threads at once.
public func inParallel(count: Int, threads: Int, _ body: (Int) -> Void) {
  let threads = min(threads, count, DefaultThreads.processors)
  guard threads > 1 else {
    for piece in 0..<max(0, count) { body(piece) }
    return
  }
  withoutActuallyEscaping(body) { body in
    if ThreadTeam.shared.run(count: count, helpers: threads - 1, body) { return }
    // Pieces write to places of their own; concurrentPerform returns when all are done.
    nonisolated(unsafe) let body = body
    let next = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      while true {
        let piece = next.add(1, ordering: .relaxed).oldValue
        guard piece < count else { return }
        body(piece)
      }
    }
  }
}

/// The range of `part` when 0..<count is divided into `parts` that differ in size by one at most.
public func evenSlice(of count: Int, part: Int, of parts: Int) -> Range<Int> {
  count * part / parts..<count * (part + 1) / parts
}
