import LVISDatasets

/// The logits of several heads, one head's after another's; a class scores the mean of what it scores in each (the sum
/// rule of Kittler et al. 1998, "On combining classifiers").
///
/// So the mean of last layers on the same features is a last layer, with as many rows as all of them. Heads whose groups
/// are divided at different boundaries go together. A training that starts here starts from the first head's rows.
public struct MeanLayout: LogitLayout {
  /// The layouts of the heads, in the order of their rows.
  public let parts: [any LogitLayout]

  /// Joins layouts.
  ///
  /// - Throws: `LinearHeadError` if there are fewer than two, they are of different numbers of classes, or one of them is
  ///   of something other than plain linear logits.
  public init(_ parts: [any LogitLayout]) throws {
    guard parts.count > 1 else { throw LinearHeadError(.unsupported, "a mean is of two heads or more") }
    for part in parts {
      guard part.product == .linear, part.classifierCount == 1, !(part is AnchoredLayout), !(part is MeanLayout) else {
        throw LinearHeadError(
          .unsupported,
          "a head of the layout \(part.name) cannot be part of a mean: its logits are not plain linear ones"
        )
      }
      guard part.classCount == parts[0].classCount else {
        throw LinearHeadError(
          .wrongClasses, "a mean is of heads of the same classes, not of \(parts[0].classCount) and \(part.classCount)")
      }
    }
    self.parts = parts
  }

  /// The layout that a head file names; `nil` if the name is not of this kind.
  ///
  /// - Parameters:
  ///   - name: Such as `mean(softmax;grouped-sigmoid@100)`, the groups of a part divided at the boundaries behind `@`.
  ///   - groups: The classes of the head file.
  /// - Throws: `LinearHeadError` for a part that is not known.
  init?(named name: String, groups: CategoryGroups) throws {
    guard name.hasPrefix(Self.prefix), name.hasSuffix(")") else { return nil }
    try self.init(
      name.dropFirst(Self.prefix.count).dropLast().split(separator: ";", omittingEmptySubsequences: false).map { part in
        let sides = part.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let divided = sides.count < 2 ? groups : try Self.groups(groups, at: sides[1])
        guard let layout = logitLayouts(for: divided).first(where: { $0.name == sides[0] }) else {
          throw LinearHeadError(.unknownName, "the layout \"\(part)\" in \"\(name)\" is not known to this program")
        }
        return layout
      })
  }

  private static func groups(_ groups: CategoryGroups, at text: Substring) throws -> CategoryGroups {
    let words = text.split(separator: ",")
    let boundaries = words.compactMap { Int($0) }
    guard boundaries.count == words.count, let divided = try? groups.divided(at: boundaries) else {
      throw LinearHeadError(.unknownName, "\"@\(text)\" in the layout's name are no boundaries of groups")
    }
    return divided
  }

  private static let prefix = "mean("

  /// `mean(…)` with the names of the parts, each with the boundaries of its groups where it has groups.
  public var name: String {
    let names = parts.map { part in
      (part as? GroupedLayout).map { "\($0.name)@\($0.groups.boundaries.map(String.init).joined(separator: ","))" }
        ?? part.name
    }
    return "\(Self.prefix)\(names.joined(separator: ";")))"
  }
  /// The number C of foreground classes.
  public var classCount: Int { parts[0].classCount }
  /// The logits of all parts.
  public var logitCount: Int { parts.reduce(0) { $0 + $1.logitCount } }
  /// The logit of a class in the first part.
  public func logit(ofClass index: Int) -> Int { parts[0].logit(ofClass: index) }
  /// The logits of a class in all parts.
  func classLogits(_ index: Int) -> [Int] {
    var first = 0
    return parts.map { part in
      defer { first += part.logitCount }
      return first + part.logit(ofClass: index)
    }
  }
  /// The logits of background in the first part.
  public var backgroundLogits: [Int] { parts[0].backgroundLogits }
  /// The word of the first part.
  public var backgroundKind: String { parts[0].backgroundKind }
  /// The `others` logits of the first part.
  public var othersLogits: [Int] { parts[0].othersLogits }
  /// The factor of the first part's logits; 1 for the others.
  public func scale(ofLogit logit: Int) -> Float {
    logit < parts[0].logitCount ? parts[0].scale(ofLogit: logit) : 1
  }

  /// `rows`, the numbers of logits of the parts, and the numbers of every part, its place before their names: `1.shifts`.
  public var tensors: [String: [Float]] {
    var all = ["rows": parts.map { Float($0.logitCount) }]
    for (place, part) in parts.enumerated() {
      for (name, values) in part.tensors { all["\(place).\(name)"] = values }
    }
    return all
  }

  /// The layout with the numbers that a head file keeps for its parts.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout {
    try MeanLayout(
      parts.enumerated().map { place, part in
        var own: [String: [Float]] = [:]
        for (name, values) in tensors where name.hasPrefix("\(place).") {
          own[String(name.dropFirst("\(place).".count))] = values
        }
        return try part.with(tensors: own)
      })
  }

  /// The mean of the parts' scores.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    let (width, classes) = (logitCount, classCount)
    let share = 1 / Float(parts.count)
    var part = [Float](repeating: 0, count: classes)
    part.withUnsafeMutableBufferPointer { part in
      guard let part = part.baseAddress else { return }
      for row in 0..<count {
        let sum = scores + row * classes
        sum.update(repeating: 0, count: classes)
        var z = logits + row * width
        for layout in parts {
          layout.scores(logits: z, count: 1, into: part)
          for index in 0..<classes { sum[index] += part[index] * share }
          z += layout.logitCount
        }
      }
    }
  }
}
