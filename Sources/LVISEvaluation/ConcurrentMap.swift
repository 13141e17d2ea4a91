import Dispatch

/// The results of `body` for 0..<count, computed on all cores, in order whatever order they are computed in.
func concurrentMap<Result: Sendable>(_ count: Int, _ body: @Sendable (Int) -> Result) -> [Result] {
  guard count > 1 else { return (0..<count).map(body) }
  return [Result](unsafeUninitializedCapacity: count) { buffer, initialized in
    nonisolated(unsafe) let slots = buffer
    DispatchQueue.concurrentPerform(iterations: count) { index in
      // Each slot is written once, by the one iteration that owns it.
      slots.initializeElement(at: index, to: body(index))
    }
    initialized = count
  }
}
