import Foundation

extension RecordList {
  /// Reads windows on all processors, and hands their rows on in the file's order, until the list ends, a window ends
  /// at a wrong place, or what is left fits one window.
  ///
  /// - Returns: The number of windows.
  func readAhead(
    _ progress: inout Progress, _ body: (RecordReader.Rows, _ first: Int) throws -> Void
  ) throws -> Int {
    let workers = min(ProcessInfo.processInfo.activeProcessorCount, 8)
    let pipeline = WindowPipeline(list: self, offset: progress.offset)
    for _ in 0..<workers + 1 { pipeline.release(try WindowPipeline.Slot(list: self)) }
    let group = DispatchGroup()
    for _ in 0..<workers { DispatchQueue.global().async(group: group) { pipeline.work() } }
    defer {
      pipeline.stop()
      group.wait()
    }
    var windows = 0
    while let slot = pipeline.next(), slot.isRead {
      try body(slot.rows, progress.count)
      progress.count += slot.rows.count
      if slot.rows.consumed <= slot.boundary {
        progress.offset = slot.offset + slot.rows.consumed - 1
        progress.isComplete = true
        return windows
      }
      progress.offset = slot.offset + slot.boundary
      windows += 1
      pipeline.release(slot)
    }
    return windows
  }
}

/// Hands out windows to threads in order, and takes them back in order.
private final class WindowPipeline: @unchecked Sendable {
  /// A window with its reader; one thread has it at a time.
  final class Slot {
    let window: Window
    let reader: RecordReader
    var rows = RecordReader.Rows()
    var offset = 0
    var boundary = 0
    /// Whether every record in the window was read.
    var isRead = false

    init(list: RecordList) throws {
      window = Window(file: list.file, bytes: list.windowBytes)
      reader = try RecordReader(for: list.file)
    }
  }

  private let list: RecordList
  private let condition = NSCondition()
  // All below only while `condition` is locked.
  private var free: [Slot] = []
  private var finished: [Int: Slot] = [:]
  private var offset: Int
  private var handedOut = 0
  private var takenBack = 0
  private var isStopped = false

  init(list: RecordList, offset: Int) {
    self.list = list
    self.offset = offset
  }

  /// Gives a slot back for another window.
  func release(_ slot: Slot) {
    condition.withLock {
      free.append(slot)
      condition.broadcast()
    }
  }

  /// The next window in the file's order; `nil` after the last one.
  func next() -> Slot? {
    condition.withLock {
      while finished[takenBack] == nil {
        if isStopped, takenBack == handedOut { return nil }
        condition.wait()
      }
      takenBack += 1
      return finished.removeValue(forKey: takenBack - 1)
    }
  }

  /// No more windows are handed out.
  func stop() {
    condition.withLock {
      isStopped = true
      condition.broadcast()
    }
  }

  /// Reads windows until there are no more.
  func work() {
    while let (slot, number) = begin() {
      // What cannot be read here is left to `readExactly`, which says why.
      slot.isRead =
        (try? slot.window.loadFront(at: slot.offset)) != nil
        && slot.window.read(upTo: slot.boundary, of: list, with: slot.reader, into: &slot.rows) == nil
      condition.withLock {
        finished[number] = slot
        condition.broadcast()
      }
    }
  }

  /// Takes a free slot and finds out where its window ends; `nil` where there are no more windows.
  private func begin() -> (Slot, number: Int)? {
    condition.withLock {
      while free.isEmpty, !isStopped { condition.wait() }
      guard !isStopped, let slot = free.popLast() else { return nil }
      guard let boundary = try? slot.window.loadBack(at: offset) else {
        isStopped = true
        condition.broadcast()
        return nil
      }
      slot.offset = offset
      slot.boundary = boundary
      offset += boundary
      handedOut += 1
      return (slot, handedOut - 1)
    }
  }
}
