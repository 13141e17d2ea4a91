import Synchronization

/// The methods of a kind: those that the library has, and those that a program adds to them.
///
/// A method that is registered is known everywhere by its name: in recipes, comparisons and run records.
public final class MethodRegistry<Method: NamedMethod>: Sendable {
  private let builtIn: [Method]
  private let added = Mutex<[Method]>([])

  /// Makes a registry of the methods that the library has.
  package init(_ builtIn: [Method]) { self.builtIn = builtIn }

  /// Every method, the library's first, then the others in the order in which they were registered.
  public var all: [Method] { builtIn + added.withLock { $0 } }

  /// Adds a method.
  ///
  /// - Throws: `MethodParameterError` if another method has its name.
  public func register(_ method: Method) throws {
    let isNew = added.withLock { added in
      guard !(builtIn + added).contains(where: { $0.name == method.name }) else { return false }
      added.append(method)
      return true
    }
    guard isNew else { throw MethodParameterError(.nameTaken, "there is already a \(Method.kind) '\(method.name)'") }
  }
}
