import BalancedGroupSoftmax
import CSignals
import DurableFiles
import Foundation
import Synchronization

/// SIGINT and SIGTERM, for every command: the first ends the program at once, without its temporary files, or, where the
/// command has begun to ask for it, lets it stop by itself. Where it then does not ask for two seconds, or a second
/// signal comes, the program ends all the same.
enum Interruption {
  /// The signal that came; 0 for none.
  private static let requested = Atomic<Int32>(0)
  /// Whether somebody has ever asked, as training does after every step.
  private static let isAsked = Atomic<Bool>(false)
  /// Whether somebody has asked since the signal came.
  private static let isAnswered = Atomic<Bool>(false)
  private static let advice = Mutex<String?>(nil)

  /// From now on signals are heard, on a thread of its own.
  static func watch() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let source = ends[0]
    Thread.detachNewThread { listen(to: source) }
    bags_signals_forward(ends[1])
  }

  /// What to say behind `interrupted` from now on.
  static func advise(_ text: String) { advice.withLock { $0 = text } }

  /// Whether a signal came; who asks stops.
  static var isPending: Bool {
    isAsked.store(true, ordering: .relaxed)
    return exitStatus != nil
  }

  /// What a program that a signal ended is expected to exit with: 130 after SIGINT, 143 after SIGTERM; `nil` where none
  /// came.
  static var exitStatus: Int32? {
    let signal = requested.load(ordering: .relaxed)
    if signal == 0 { return nil }
    isAnswered.store(true, ordering: .relaxed)
    return 128 + signal
  }

  private static func listen(to source: Int32) {
    var byte: UInt8 = 0
    while true {
      guard read(source, &byte, 1) == 1 else {
        if errno == EINTR { continue }
        return
      }
      // A mapped file was shortened; the line that says so is written.
      if byte == 0 { TemporaryFiles.endProcess(status: 1) }
      let isFirst = requested.exchange(Int32(byte), ordering: .relaxed) == 0
      guard isFirst, isAsked.load(ordering: .relaxed), isAnsweredSoon(or: source) else {
        StandardStreams.note("Error: interrupted" + (advice.withLock { $0 }.map { "; \($0)" } ?? ""))
        TemporaryFiles.endProcess(status: 128 + Int32(byte))
      }
    }
  }

  /// Waits for somebody to ask; true too where another signal comes meanwhile.
  private static func isAnsweredSoon(or source: Int32) -> Bool {
    for _ in 0..<100 {
      var events = pollfd(fd: source, events: Int16(POLLIN), revents: 0)
      if poll(&events, 1, 20) > 0 || isAnswered.load(ordering: .relaxed) { return true }
    }
    return false
  }
}
