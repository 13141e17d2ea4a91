extension TensorContainer {
  /// The tensors without what a framework's checkpoint has before their names, such as `module.`, `model.` or
  /// `student.`: the one prefix under which one of some names is found.
  ///
  /// - Parameters:
  ///   - names: Tensors of which at least one is looked for.
  ///   - given: The prefix to take, with or without its last point; `nil` to find it.
  ///   - isForeign: Whether a prefix makes another tensor of one of these names, as `roi_head.` does of
  ///     `bbox_head.fc_cls.weight`.
  /// - Returns: The container as it is where one of the names is there as it stands, or none is under any prefix.
  /// - Throws: `TensorFileError` where several prefixes would do, or the given one does not.
  package func withoutPrefix(
    before names: [String], given: String? = nil, isForeign: (String) -> Bool = { _ in false }
  ) throws -> any TensorContainer {
    var candidates: [String: String] = [:]
    for name in names {
      for found in self.names where found == name || found.hasSuffix(".\(name)") {
        let prefix = String(found.dropLast(name.count))
        if !isForeign(prefix) { candidates[prefix] = candidates[prefix] ?? found }
      }
    }
    let wanted = names.first ?? ""
    if let given {
      let prefix = given.isEmpty || given.hasSuffix(".") ? given : "\(given)."
      guard candidates[prefix] != nil else {
        throw TensorFileError(
          path: path, tensor: prefix + wanted, code: .missingTensor,
          detail: candidates.isEmpty
            ? "not in the file" : "not in the file, which has \(listed(candidates.values.sorted()))")
      }
      return PrefixedTensors(base: self, prefix: prefix)
    }
    guard candidates[""] == nil, let (prefix, _) = candidates.first else { return self }
    guard candidates.count == 1 else {
      throw TensorFileError(
        path: path, tensor: wanted, code: .severalPrefixes,
        detail: "several end so: \(listed(candidates.values.sorted())); name the prefix of one of them")
    }
    return PrefixedTensors(base: self, prefix: prefix)
  }
}

/// The tensors whose names begin with a prefix, by their names without it.
package struct PrefixedTensors: TensorContainer {
  private let base: any TensorContainer
  /// What stands before every name in the file.
  package let prefix: String
  package let names: [String]

  init(base: any TensorContainer, prefix: String) {
    self.base = base
    self.prefix = prefix
    names = base.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  package var path: String { base.path }
  package var metadata: [String: String] { base.metadata }

  package func tensor(_ name: String) throws -> TensorView {
    guard names.contains(name) else { throw missing(name) }
    return try base.tensor(prefix + name)
  }
}

/// The tensors of a module that was saved alone, by the names that they have in the whole.
package struct ModuleTensors: TensorContainer {
  private let base: any TensorContainer
  /// What stands before every name in the whole, its last point included.
  private let module: String

  package init(base: any TensorContainer, module: String) {
    self.base = base
    self.module = module
  }

  package var path: String { base.path }
  package var metadata: [String: String] { base.metadata }
  package var names: [String] { base.names.map { module + $0 } }

  /// What the file calls a tensor of the whole.
  package func storedName(_ name: String) -> String { String(name.dropFirst(module.count)) }

  package func tensor(_ name: String) throws -> TensorView {
    guard name.hasPrefix(module) else { throw missing(name) }
    return try base.tensor(storedName(name))
  }
}

/// Names with commas between them, the first twelve of many.
package func listed(_ names: [String]) -> String {
  names.prefix(12).joined(separator: ", ") + (names.count > 12 ? " and \(names.count - 12) more" : "")
}
