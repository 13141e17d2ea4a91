import TensorFiles

extension ConvolutionTower {
  /// The key of the groups of GroupNorm in a head file, which no framework's own file states.
  package static let normGroupsKey = "norm_groups"

  /// Reads the tower of a branch; one without layers where the file has none.
  ///
  /// - Parameters:
  ///   - file: The file, without a prefix.
  ///   - names: What the layers are called there.
  /// - Throws: `TensorFileError` if a layer is no whole one; `LinearHeadError` if its shapes do not fit, it is normalised
  ///   otherwise than by GroupNorm, or a number is not finite.
  package init(_ file: any TensorContainer, names: BranchNames) throws {
    let all = Set(file.names)
    let isNormalized = all.contains("\(names.norm(0)).weight")
    let stated = file.metadata[Self.normGroupsKey].flatMap { Int($0) } ?? 0
    layers = []
    while all.contains("\(names.convolution(layers.count, isNormalized)).weight") {
      let index = layers.count
      let name = names.convolution(index, isNormalized)
      let rows = try LinearRows(convolution: name, of: file, needsBias: false)
      var norm: GroupNormalization?
      if isNormalized {
        let normName = names.norm(index)
        guard !all.contains("\(normName).running_mean") else {
          throw LinearHeadError(
            .unsupported, "\(normName) is a BatchNorm; towers without norm and with GroupNorm are known",
            path: file.path)
        }
        let (scale, shift) = (try file.tensor("\(normName).weight"), try file.tensor("\(normName).bias"))
        guard scale.shape == [rows.bias.count], shift.shape == scale.shape else {
          throw LinearHeadError(
            .wrongShape, "\(normName) is \(scale.shape) and \(shift.shape) for \(rows.bias.count) channels",
            path: file.path)
        }
        norm = GroupNormalization(groups: stated, scale: try scale.floats(), shift: try shift.floats())
      }
      let hasBias = all.contains("\(name).bias")
      do {
        layers.append(try Layer(weight: rows.weight, bias: hasBias ? rows.bias : [], norm: norm))
      } catch let error as LinearHeadError {
        throw error.inFile(file.path)
      }
    }
    guard
      layers.allSatisfy({ layer in
        layer.norm.map { $0.scale.allSatisfy(\.isFinite) && $0.shift.allSatisfy(\.isFinite) } ?? true
      })
    else { throw LinearHeadError(.notFinite, "a number of a GroupNorm is not finite", path: file.path) }
  }

  /// The tensors of the tower.
  ///
  /// - Parameters:
  ///   - names: What the layers are to be called.
  ///   - elementType: The type in which they are stored.
  package func tensors(_ names: BranchNames, as elementType: TensorElementType = .float32) -> [NamedTensor] {
    let isNormalized = layers.contains { $0.norm != nil }
    return layers.enumerated().flatMap { index, layer in
      let all = LinearRows(
        weight: layer.weight, bias: layer.bias.isEmpty ? Array(repeating: 0, count: layer.outputs) : layer.bias
      ).convolutionTensors(names.convolution(index, isNormalized), as: elementType)
      let norm = layer.norm.map { norm in
        [("weight", norm.scale), ("bias", norm.shift)].map {
          NamedTensor("\(names.norm(index)).\($0)", floats: $1, shape: [$1.count], as: elementType)
        }
      }
      return (layer.bias.isEmpty ? Array(all.prefix(1)) : all) + (norm ?? [])
    }
  }

  /// What a head file's metadata says of the tower.
  package var metadata: [String: String] {
    normGroups.flatMap { $0 > 0 ? [Self.normGroupsKey: "\($0)"] : nil } ?? [:]
  }
}
