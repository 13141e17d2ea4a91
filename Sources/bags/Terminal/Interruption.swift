import BalancedGroupSoftmax
import Foundation

/// SIGINT and SIGTERM, turned into a question that long work asks: the first is noted, a second one ends the program at
/// once.
enum Interruption {
  // Written by a signal handler: an aligned integer that is only ever set.
  private nonisolated(unsafe) static var isRequested: sig_atomic_t = 0

  /// From now on the signals are noted.
  static func watch() {
    // A parent may have started the program with the signals blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    for signal in [SIGINT, SIGTERM] {
      Foundation.signal(signal) { number in
        Interruption.isRequested = 1
        Foundation.signal(number, SIG_DFL)
      }
    }
  }

  /// Whether one came.
  static var isPending: Bool { isRequested != 0 }
}
