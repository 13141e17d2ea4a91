import Foundation

/// An error of this library: `code` says which kind of fault it is, for a program to act on; `description` the whole, in
/// one line for a person. `localizedDescription` is the same line.
public protocol CodedError: LocalizedError, CustomStringConvertible {
  /// The kinds of fault that a program may treat differently.
  associatedtype Code: Hashable & Sendable
  /// The kind of fault.
  var code: Code { get }
}

extension CodedError {
  /// The description, so that `localizedDescription` says the same.
  public var errorDescription: String? { description }
}
