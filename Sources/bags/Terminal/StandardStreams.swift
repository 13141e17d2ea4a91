import BalancedGroupSoftmax
import Communication
import Foundation
import Synchronization

/// Results go to standard output, everything else to standard error.
enum StandardStreams {
  /// Whether another process speaks for this one, so that nothing is written.
  static var isMuted: Bool {
    get { muted.load(ordering: .relaxed) }
    set { muted.store(newValue, ordering: .relaxed) }
  }
  private static let muted = Atomic(false)

  /// Writes a result line to standard output. Where it cannot be written, on a full disk say, the program ends with
  /// status 1: a script must not take a lost result for a success.
  static func result(_ text: String, terminator: String = "\n") {
    if let code = write(text + terminator, to: STDOUT_FILENO) {
      note("Error: standard output: cannot write: \(String(cString: strerror(code)))")
      exit(1)
    }
  }

  /// Writes a line about the work to standard error. Where that cannot be written, the work goes on.
  static func note(_ text: String, terminator: String = "\n") {
    _ = write(text + terminator, to: STDERR_FILENO)
  }

  /// Writes all bytes of a text; returns the system's error number if it cannot.
  private static func write(_ text: String, to descriptor: Int32) -> Int32? {
    if isMuted { return nil }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR { continue }
        return errno
      }
      rest = rest.dropFirst(written)
    }
    return nil
  }

  /// Writes a warning to standard error.
  static func warn(_ text: String) {
    note(TerminalStyle.error.yellow("warning:") + " " + text)
  }

  /// Writes what was found about the user's files to standard error, a line each.
  static func show(_ findings: [DataFinding]) {
    for finding in findings.map(\.withOption) {
      if finding.severity == .note { note("note: \(finding.line)") } else { warn(finding.line) }
    }
  }
}

/// Colours, where the stream is a terminal and the user has not declined them (no-color.org).
struct TerminalStyle {
  let isColored: Bool

  static let output = TerminalStyle(stream: STDOUT_FILENO)
  static let error = TerminalStyle(stream: STDERR_FILENO)

  private init(stream: Int32) {
    let environment = ProcessInfo.processInfo.environment
    let declined = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    // mpirun gives its processes a terminal of their own, whatever becomes of their output.
    isColored = isatty(stream) == 1 && !declined && Launch.announced() == nil
  }

  func bold(_ text: String) -> String { wrap(text, "1") }
  func dim(_ text: String) -> String { wrap(text, "2") }
  func green(_ text: String) -> String { wrap(text, "32") }
  func yellow(_ text: String) -> String { wrap(text, "33") }

  private func wrap(_ text: String, _ code: String) -> String {
    isColored ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

/// The width of the terminal that a stream shows, or 80 where it is none.
func terminalWidth(of stream: Int32 = STDOUT_FILENO) -> Int {
  var size = winsize()
  guard ioctl(stream, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
  return Int(size.ws_col)
}
