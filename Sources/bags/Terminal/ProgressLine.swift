import BalancedGroupSoftmax
import Foundation

/// One line on standard error that is drawn over itself, with the time left; nothing where that is no terminal.
final class ProgressLine {
  private let isShown = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var lastDrawn: ContinuousClock.Instant?
  private let label: String

  init(_ label: String) { self.label = label }

  /// Redraws, at most ten times a second.
  ///
  /// - Parameters:
  ///   - fraction: How much is done, 0...1.
  ///   - detail: What to say behind it, such as a rate.
  func update(_ fraction: Double, detail: @autoclosure () -> String = "") {
    guard isShown else { return }
    let now = ContinuousClock.now
    if let lastDrawn, now - lastDrawn < .milliseconds(100), fraction < 1 { return }
    lastDrawn = now
    let elapsed = seconds(now - start)
    let left = fraction > 0.01 ? Self.duration(elapsed * (1 - fraction) / fraction) + " left" : ""
    let width = terminalWidth(of: STDERR_FILENO) - 1
    let line = Self.line(label, fraction: fraction, left: left, detail: detail(), width: width)
    StandardStreams.note("\r\u{1B}[K" + line, terminator: "")
  }

  /// The line for a terminal of some columns: a bar where there is room for one, and what fits of the rest.
  static func line(_ label: String, fraction: Double, left: String, detail: String, width: Int) -> String {
    let share = min(max(fraction, 0), 1)
    let length = width < 60 ? 0 : min(24, width / 5)
    let filled = Int((share * Double(length)).rounded(.down))
    let bar = String(repeating: "━", count: filled) + String(repeating: "╌", count: length - filled)
    let parts = [label, bar, String(format: "%3.0f %%", share * 100), left, detail].filter { !$0.isEmpty }
    return String(parts.joined(separator: "  ").prefix(max(0, width)))
  }

  /// Clears the line.
  func finish() {
    if lastDrawn != nil { StandardStreams.note("\r\u{1B}[K", terminator: "") }
  }

  /// Seconds as people say them: `8 s`, `3:05 min`, `2:10 h`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite else { return "?" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return String(format: "%d:%02d min", whole / 60, whole % 60) }
    return String(format: "%d:%02d h", whole / 3600, whole % 3600 / 60)
  }
}

/// A duration in seconds.
func seconds(_ duration: Duration) -> Double {
  Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
}
