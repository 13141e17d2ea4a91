import Foundation

/// Memory for intermediate values that is kept from step to step: it grows, is never cleared, and starts at a cache line.
public final class ScratchBuffer {
  private var memory: UnsafeMutableRawPointer?
  private var capacity = 0

  private static let hugePage = 2 << 20

  /// Makes a buffer that has no memory yet.
  public init() {}

  deinit { memory?.deallocate() }

  /// Room for `count` values; what it held before is lost.
  public func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
    var bytes = max(1, count) * MemoryLayout<Float>.stride
    if let memory, bytes <= capacity { return memory.assumingMemoryBound(to: Float.self) }
    // A little more than the last time: batches differ in size.
    bytes = max(bytes, capacity + capacity / 4)
    memory?.deallocate()
    let isLarge = bytes >= 2 * Self.hugePage
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? Self.hugePage : 64)
    #if os(Linux)
    // Large pages, where the system gives them: a product goes through thousands of rows, each in a small page of its own.
    if isLarge { madvise(fresh, bytes, MADV_HUGEPAGE) }
    #endif
    memory = fresh
    capacity = bytes
    return fresh.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
  }
}
