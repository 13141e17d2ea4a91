import Dispatch
import Synchronization

/// Does pieces of work on several threads and hands over their results in the pieces' order.
///
/// - Parameters:
///   - count: The pieces.
///   - threads: How many threads, at least one.
///   - makeWorker: Makes what a thread keeps for itself.
///   - work: Does a piece.
///   - deliver: Takes the results one by one, piece 0's first.
/// - Throws: The error of the first piece, in their order, that failed; results behind it are not handed over.
func inOrder<Worker, Result: Sendable>(
  count: Int, threads: Int, makeWorker: @Sendable () -> Worker,
  work: @Sendable (Worker, Int) throws -> Result, deliver: (Result) throws -> Void
) throws {
  let next = Atomic(0)
  let delivery = Mutex(Delivery<Result>())
  try withoutActuallyEscaping(deliver) { deliver in
    // Called under the lock, on one thread at a time, and not beyond this call.
    let deliver = Unchecked(value: deliver)
    DispatchQueue.concurrentPerform(iterations: max(1, min(threads, count))) { _ in
      let worker = makeWorker()
      while true {
        let piece = next.add(1, ordering: .relaxed).oldValue
        guard piece < count else { return }
        let result = Swift.Result { try work(worker, piece) }
        delivery.withLock { delivery in
          delivery.waiting[piece] = result
          while let due = delivery.waiting.removeValue(forKey: delivery.next) {
            delivery.next += 1
            do {
              try deliver.value(due.get())
            } catch {
              delivery.failure = error
              delivery.next = count
              next.store(count, ordering: .relaxed)
            }
          }
        }
      }
    }
    if let failure = delivery.withLock({ $0.failure }) { throw failure }
  }
}

private struct Delivery<Result: Sendable>: Sendable {
  var next = 0
  var waiting: [Int: Swift.Result<Result, any Error>] = [:]
  var failure: (any Error)?
}

private struct Unchecked<Value>: @unchecked Sendable {
  let value: Value
}
