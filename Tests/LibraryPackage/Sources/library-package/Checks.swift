import Foundation

/// Checks of what the guides' code came to: each that fails is named on standard error.
struct Checks {
  /// How many failed so far.
  private(set) var failureCount = 0

  /// Counts a check that fails.
  mutating func check(_ condition: Bool, _ claim: String) {
    if condition { return }
    failureCount += 1
    FileHandle.standardError.write(Data("library-package: not so: \(claim)\n".utf8))
  }
}
