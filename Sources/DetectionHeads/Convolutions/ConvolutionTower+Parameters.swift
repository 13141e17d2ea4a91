extension ConvolutionTower {
  /// Weights, biases, scales and shifts of the layers, the lowest first, as parameters.
  ///
  /// - Parameter prefix: What stands before the number of the layer in their names.
  package func parameters(prefix: String) -> [Parameter] {
    layers.enumerated().flatMap { index, layer in
      var own = [Parameter("\(prefix).\(index).weight", values: layer.weight)]
      if !layer.bias.isEmpty { own.append(Parameter("\(prefix).\(index).bias", values: layer.bias)) }
      if let norm = layer.norm {
        own.append(Parameter("\(prefix).\(index).norm.weight", values: norm.scale))
        own.append(Parameter("\(prefix).\(index).norm.bias", values: norm.shift))
      }
      return own
    }
  }

  /// The places of a layer's parameters among those of the tower.
  package struct Places {
    package let weight: Int
    package let bias: Int?
    /// The scales; the shifts stand behind them.
    package let norm: Int?
  }

  /// Where the parameters of every layer stand.
  package var places: [Places] {
    var next = 0
    return layers.map { layer in
      let (weight, bias) = (next, layer.bias.isEmpty ? nil : next + 1)
      next += layer.bias.isEmpty ? 1 : 2
      defer { next += layer.norm == nil ? 0 : 2 }
      return Places(weight: weight, bias: bias, norm: layer.norm == nil ? nil : next)
    }
  }

  /// The number of parameters.
  package var parameterCount: Int { layers.reduce(0) { $0 + 1 + ($1.bias.isEmpty ? 0 : 1) + ($1.norm == nil ? 0 : 2) } }

  /// The same tower with the values of parameters, in the order of `parameters`; their arrays are shared, not copied.
  package func with(_ parameters: some Collection<Parameter>) -> ConvolutionTower {
    let parameters = Array(parameters)
    var tower = self
    for (index, places) in places.enumerated() {
      tower.layers[index].weight = parameters[places.weight].values
      if let bias = places.bias { tower.layers[index].bias = parameters[bias].values.storage }
      if let norm = places.norm {
        tower.layers[index].norm?.scale = parameters[norm].values.storage
        tower.layers[index].norm?.shift = parameters[norm + 1].values.storage
      }
    }
    return tower
  }
}
