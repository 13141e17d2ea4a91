import DetectionHeads

extension ONNXGraph {
  /// The convolutions below the last one of a dense head, each with ReLU, on the maps of several levels.
  ///
  /// GroupNorm is an instance normalisation of each group's channels together, in single precision.
  ///
  /// - Parameters:
  ///   - tower: The convolutions; the groups of every GroupNorm are stated.
  ///   - levels: For each level its maps [N, C, H, W], and H and W.
  ///   - type: The type of features and weights.
  /// - Returns: The maps of the highest convolution, in that type.
  mutating func apply(
    _ tower: ConvolutionTower, to levels: [(value: String, height: Int, width: Int)], type: ElementType
  ) -> [String] {
    var values = levels.map(\.value)
    for (index, layer) in tower.layers.enumerated() {
      let (weights, shape) = LinearRows.convolution(layer.weight)
      var operands = [constant(floats: weights, shape: shape, type: type, name: "tower_\(index)_weight")]
      if !layer.bias.isEmpty {
        operands.append(
          constant(floats: layer.bias, shape: [layer.outputs], type: type, name: "tower_\(index)_bias"))
      }
      for level in levels.indices {
        let product = add(
          "Conv", [values[level]] + operands,
          ["kernel_shape": .integers([3, 3]), "pads": .integers([1, 1, 1, 1])])
        guard let norm = layer.norm else {
          values[level] = add("Relu", [product])
          continue
        }
        let single = type == .float32 ? product : cast(product, to: .float32)
        let rectified = add("Relu", [normalized(single, by: norm, levels[level])])
        values[level] = type == .float32 ? rectified : cast(rectified, to: type)
      }
    }
    return values
  }

  private mutating func normalized(
    _ value: String, by norm: GroupNormalization, _ level: (value: String, height: Int, width: Int)
  ) -> String {
    let (groups, channels) = (norm.groups, norm.scale.count)
    // 0: as long as before, N.
    let grouped = constant(integers: [0, groups, channels / groups * level.height * level.width])
    let parts = add("Reshape", [value, grouped])
    let ones = constant(floats: Array(repeating: 1, count: groups), shape: [groups])
    let zeros = constant(floats: Array(repeating: 0, count: groups), shape: [groups])
    let even = add("InstanceNormalization", [parts, ones, zeros])
    let whole = constant(integers: [0, channels, level.height, level.width])
    let maps = add("Reshape", [even, whole])
    let scale = constant(floats: norm.scale, shape: [channels, 1, 1])
    let shift = constant(floats: norm.shift, shape: [channels, 1, 1])
    let scaled = add("Mul", [maps, scale])
    return add("Add", [scaled, shift])
  }
}
