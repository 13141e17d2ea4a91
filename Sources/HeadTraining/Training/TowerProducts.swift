import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads

/// The forward and the backward pass of the convolutions below the last one of a branch of a dense head.
///
/// Legend: M locations of all levels of all images of the batch, C channels in and H out of a layer, G groups of GroupNorm.
/// Backward, dW = dYᵀ X over patches X [M, 9C]; dX is the convolution of dY with the weight turned about its middle.
final class TowerProducts {
  private let pass: TowerPass
  private let threads: Int
  private var input: PaddedMaps?
  private let tiledMaps = TiledMaps()
  private let tiled: TiledProducts
  private let inputGradient: InputGradient
  private let bias = ScratchBuffer()
  private var inputGradients: [ScratchBuffer] = []

  init(threads: Int) {
    pass = TowerPass(threads: threads)
    tiled = TiledProducts(threads: threads)
    inputGradient = InputGradient(threads: threads)
    self.threads = threads
  }

  /// Applies the layers one after another.
  ///
  /// - Returns: The maps of the highest, valid until the next call; `input` where there is none.
  func forward(_ tower: ConvolutionTower, _ input: PaddedMaps) -> PaddedMaps {
    self.input = input
    return pass.forward(tower, input)
  }

  /// The gradients of all layers.
  ///
  /// - Parameters:
  ///   - tower: That of `forward`.
  ///   - outputGradient: dLoss/dy [M, H] of the highest layer; overwritten.
  ///   - group: Takes the gradients of the tower's parameters.
  ///   - first: The position of the tower's first parameter in the group.
  func backward(
    _ tower: ConvolutionTower, outputGradient: UnsafeMutablePointer<Float>, into group: inout ParameterGroup,
    from first: Int
  ) {
    guard let input else { return }
    while inputGradients.count < tower.count { inputGradients.append(ScratchBuffer()) }
    var gradient = outputGradient
    for (index, places) in tower.places.enumerated().reversed() {
      let (layer, output) = (tower.layers[index], pass.outputs[index])
      let below = index == 0 ? input : pass.outputs[index - 1].maps
      unrectify(gradient, output.maps)
      if let norm = layer.norm, let place = places.norm {
        let (scale, shift) = unnormalize(gradient, norm, of: output)
        group.setGradient(scale, at: first + place)
        group.setGradient(shift, at: first + place + 1)
      }
      let ofBias = bias.floats(layer.outputs)
      group.parameters[first + places.weight].gradient.withUnsafeMutableValues { values in
        guard let values = values.baseAddress else { return }
        tiledMaps.take(below)
        tiled.weightGradient(tiledMaps, gradient: gradient, outputs: layer.outputs, into: values, bias: ofBias)
      }
      if let bias = places.bias {
        group.setGradient((0..<layer.outputs).map { Double(ofBias[$0]) }, at: first + bias)
      }
      if index > 0 {
        let next = inputGradients[index].floats(below.locationCount * layer.inputs)
        layer.weight.withUnsafeValues { weight in
          guard let weight = weight.baseAddress else { return }
          inputGradient.compute(gradient, outputs: layer.outputs, weight: weight, like: below, into: next)
        }
        gradient = next
      }
    }
  }

  /// ReLU lets the gradient pass where it let the value pass.
  private func unrectify(_ gradient: UnsafeMutablePointer<Float>, _ maps: PaddedMaps) {
    let channels = maps.channelCount
    inParallel(parts: threads) { part in
      for location in evenSlice(of: maps.locationCount, part: part, of: threads) {
        if let output = maps.features(of: location) {
          bags_relu_backward(gradient + location * channels, output, channels)
        }
      }
    }
  }

  /// From the gradient of γ x̂ + β to that of x: γ/σ dy − (1/σ) mean(γ dy) − (x̂/σ) mean(γ dy x̂), the means over a group.
  ///
  /// - Returns: dγ = Σ dy x̂ and dβ = Σ dy.
  private func unnormalize(
    _ gradient: UnsafeMutablePointer<Float>, _ norm: GroupNormalization, of output: TowerPass.LayerOutput
  ) -> (scale: [Double], shift: [Double]) {
    let maps = output.maps
    let (channels, groups) = (maps.channelCount, norm.groups)
    let width = channels / groups
    let x = output.sums.floats(maps.locationCount * channels)
    let planes = maps.planes
    let sums = channelSums(planes, channels: channels, threads: threads) { rows, sums, products in
      bags_channel_products(
        gradient + rows.lowerBound * channels, x + rows.lowerBound * channels, rows.count, channels, sums, products)
    }
    var (ofScale, ofShift) = ([Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels))
    var factors: [(a: [Float], b: [Float], k: [Float])] = []
    for (plane, sum) in sums.enumerated() {
      var own = (a: [Float](), b: [Float](), k: [Float]())
      for group in 0..<groups {
        let (mean, inverse) = output.statistics[plane * groups + group]
        let range = group * width..<(group + 1) * width
        var (ofGradient, ofProduct) = (0.0, 0.0)
        for channel in range {
          // Σ dy x̂ from Σ dy x.
          let product = inverse * (sum.second[channel] - mean * sum.first[channel])
          ofScale[channel] += product
          ofShift[channel] += sum.first[channel]
          ofGradient += Double(norm.scale[channel]) * sum.first[channel]
          ofProduct += Double(norm.scale[channel]) * product
        }
        let count = Double(planes[plane].count * width)
        let (meanGradient, meanProduct) = (ofGradient / count, ofProduct / count)
        let b = -inverse * inverse * meanProduct
        own.a += range.map { Float(Double(norm.scale[$0]) * inverse) }
        own.b += range.map { _ in Float(b) }
        own.k += range.map { _ in Float(-inverse * meanGradient - b * mean) }
      }
      factors.append(own)
    }
    let pieces = maps.planePieces(size: TowerPass.pieceLength)
    inParallel(count: pieces.count, threads: threads) { index in
      let (plane, rows) = pieces[index]
      bags_channel_affine(
        gradient + rows.lowerBound * channels, x + rows.lowerBound * channels, rows.count, channels, factors[plane].a,
        factors[plane].b, factors[plane].k)
    }
    return (ofScale, ofShift)
  }
}

extension ParameterGroup {
  /// Sets the gradient of a vector.
  fileprivate mutating func setGradient(_ values: [Double], at index: Int) {
    parameters[index].gradient.withUnsafeMutableValues { gradient in
      for (place, value) in values.enumerated() { gradient[place] = Float(value) }
    }
  }
}
