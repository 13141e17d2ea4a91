import Foundation

/// Results go to standard output, everything else to standard error.
enum StandardStreams {
  /// Writes a result line to standard output.
  static func result(_ text: String, terminator: String = "\n") {
    FileHandle.standardOutput.write(Data((text + terminator).utf8))
  }

  /// Writes a line about the work to standard error.
  static func note(_ text: String, terminator: String = "\n") {
    FileHandle.standardError.write(Data((text + terminator).utf8))
  }

  /// Writes a warning to standard error.
  static func warn(_ text: String) {
    note(TerminalStyle.error.yellow("warning:") + " " + text)
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
    isColored = isatty(stream) == 1 && !declined
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
