/// One of several equal parts of a comparison's work, divided beforehand, for processes that cannot lock files.
public struct WorkShare: Sendable, Equatable {
  /// The part, from 1.
  public let number: Int
  /// The number of parts.
  public let count: Int

  /// One part of several.
  ///
  /// - Returns: `nil` where there is no such part.
  public init?(_ number: Int, of count: Int) {
    guard count > 0, (1...count).contains(number) else { return nil }
    self.number = number
    self.count = count
  }

  /// Reads `2/8`; `nil` where it is none.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let number = parts[0], let count = parts[1] else { return nil }
    self.init(number, of: count)
  }

  /// Whether the piece at a place is in this part.
  func holds(_ place: Int) -> Bool { place % count == number - 1 }
}

/// A comparison of which other parts are not done yet; this process's is.
public struct OtherPartsLeft: Error, CustomStringConvertible {
  /// The runs that are finished or failed.
  public let doneCount: Int
  /// The runs of all parts.
  public let totalCount: Int

  /// One line about it.
  public var description: String {
    "\(doneCount) of \(totalCount) runs are done; the table is written by the part that finishes the last of them"
  }
}
