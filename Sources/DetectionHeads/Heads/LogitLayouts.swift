import LVISDatasets
import Synchronization

/// The layouts of logits that a program adds to those of the library, so that head files of them can be read.
///
/// A loss with a layout of its own trains without being registered here; its head file is refused until it is.
public enum LogitLayouts {
  private typealias Added = (name: String, make: @Sendable (CategoryGroups) -> any LogitLayout)
  private static let added = Mutex<[Added]>([])

  /// Adds a layout.
  ///
  /// - Parameters:
  ///   - name: The ``LogitLayout/name`` of the layout, which head files carry.
  ///   - make: Makes the layout for the classes of a head file; what the file keeps for it is then given to
  ///     ``LogitLayout/with(tensors:)``.
  /// - Throws: `LinearHeadError` if another layout has this name.
  public static func register(
    _ name: String, _ make: @escaping @Sendable (CategoryGroups) -> any LogitLayout
  ) throws {
    let builtIn = try CategoryGroups(counts: [CategoryCount(id: 1, name: "", instances: 0, images: 0)])
    let isTaken = logitLayouts(for: builtIn).contains { $0.name == name }
    let isNew = added.withLock { added in
      guard !isTaken, !added.contains(where: { $0.name == name }) else { return false }
      added.append((name, make))
      return true
    }
    guard isNew else { throw LinearHeadError(.unsupported, "there is already a layout of logits '\(name)'") }
  }

  /// The layouts that were added, for some classes.
  static func registered(for groups: CategoryGroups) -> [any LogitLayout] {
    added.withLock { $0 }.map { $0.make(groups) }
  }
}
