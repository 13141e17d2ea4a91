import BalancedGroupSoftmax
import Foundation

/// SIGINT and SIGTERM, turned into a question that long work asks: the first is noted, a second one ends the program at
/// once.
enum Interruption {
  // Written by a signal handler: an aligned integer that is only ever set.
  private nonisolated(unsafe) static var requested: sig_atomic_t = 0

  /// From now on the signals are noted.
  static func watch() {
    // A parent may have started the program with the signals blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    for signal in [SIGINT, SIGTERM] {
      Foundation.signal(signal) { number in
        Interruption.requested = number
        Foundation.signal(number, SIG_DFL)
      }
    }
  }

  /// Whether one came.
  static var isPending: Bool { requested != 0 }

  /// What a program that a signal ended is expected to exit with: 130 after SIGINT, 143 after SIGTERM; `nil` where none
  /// came.
  static var exitStatus: Int32? { isPending ? 128 + requested : nil }
}
