import DenseLinearAlgebra
import DetectionHeads
import FeatureSets

/// An occluder: four 3 × 3 convolutions with ReLU and a fifth to one channel, whose sigmoid is the probability that a cell
/// of the map should be hidden (xiaolonw/adversarial-frcnn, `conv6_mask` … `conv10_mask`).
///
/// Shapes: P maps of C channels and H × W cells.
final class OccluderNetwork {
  private let layers: [PooledConvolution]
  private let threads: Int
  private let activations: [ScratchBuffer]
  private let patches: [ScratchBuffer]
  private let gradients: [[ScratchBuffer]]
  private let sums: [ScratchBuffer]
  private let outputs = ScratchBuffer()

  /// The hidden convolutions.
  static let depth = 4

  init(shape: PooledShape, channels: Int, threads: Int) {
    layers = (0...Self.depth).map { index in
      PooledConvolution(
        inputs: index == 0 ? shape.channels : channels, outputs: index == Self.depth ? 1 : channels,
        height: shape.height, width: shape.width)
    }
    self.threads = threads
    activations = (0..<Self.depth).map { _ in ScratchBuffer() }
    patches = (0..<threads).map { _ in ScratchBuffer() }
    gradients = (0..<threads).map { _ in [ScratchBuffer(), ScratchBuffer()] }
    sums = (0..<threads).map { _ in ScratchBuffer() }
  }

  /// Fresh parameters: weights of N(0, √(2 / 9I)) (He et al., ICCV 2015; Caffe's `msra`), biases 0.
  ///
  /// They are called `occluder.0.weight` [O, 9I], `occluder.0.bias`, …, and their rows are those of [O, I, 3, 3].
  static func fresh(
    shape: PooledShape, channels: Int, using generator: inout some RandomNumberGenerator
  ) -> [Parameter] {
    (0...depth).flatMap { index in
      let inputs = 9 * (index == 0 ? shape.channels : channels)
      let outputs = index == depth ? 1 : channels
      let deviation = (2 / Double(inputs)).squareRoot()
      let values = (0..<outputs * inputs).map { _ in Float(deviation * standardNormal(using: &generator)) }
      return [
        Parameter("occluder.\(index).weight", values: Matrix(rows: outputs, columns: inputs, values: values)),
        Parameter("occluder.\(index).bias", values: [Float](repeating: 0, count: outputs)),
      ]
    }
  }

  /// The logits of maps.
  ///
  /// - Parameters:
  ///   - parameters: Weight and bias of each layer.
  ///   - maps: [P, C, H · W].
  ///   - count: P.
  /// - Returns: [P, H · W], valid until the next call.
  func forward(_ parameters: [Parameter], maps: UnsafePointer<Float>, count: Int) -> UnsafeMutablePointer<Float> {
    let cells = layers[0].cellCount
    let buffers = layers.dropLast().indices.map { activations[$0].floats(count * layers[$0].outputs * cells) }
    let logits = outputs.floats(count * cells)
    inParallel(parts: threads) { part in
      let room = patches[part].floats(layers.map(\.patchCount).max() ?? 0)
      for map in evenSlice(of: count, part: part, of: threads) {
        for (index, layer) in layers.enumerated() {
          let input = index == 0 ? maps : UnsafePointer(buffers[index - 1])
          let output = index == Self.depth ? logits : buffers[index]
          let result = output + map * layer.outputs * cells
          parameters[2 * index].values.withUnsafeValues { weight in
            parameters[2 * index + 1].values.withUnsafeValues { bias in
              guard let weight = weight.baseAddress, let bias = bias.baseAddress else { return }
              layer.apply(
                to: input + map * layer.inputs * cells, weight: weight, bias: bias, patches: room, into: result)
            }
          }
          if index < Self.depth { for place in 0..<layer.outputs * cells { result[place] = max(0, result[place]) } }
        }
      }
    }
    return logits
  }

  /// Leaves the gradients of all layers in the parameters.
  ///
  /// - Parameters:
  ///   - parameters: Weight and bias of each layer.
  ///   - maps: Those of `forward`.
  ///   - rows: Which of them have a gradient.
  ///   - gradient: dLoss/dlogits [P, H · W].
  func backward(
    _ parameters: inout [Parameter], maps: UnsafePointer<Float>, rows: [Int], gradient: UnsafePointer<Float>
  ) {
    let cells = layers[0].cellCount
    let values = parameters.map(\.values)
    let sizes = values.map { $0.rows * $0.columns }
    let starts = sizes.indices.map { sizes[..<$0].reduce(0, +) }
    let total = sizes.reduce(0, +)
    // Those of `forward`, which had room for all maps.
    let buffers = layers.dropLast().indices.map { activations[$0].floats(1) }
    let widest = (layers.map(\.outputs).max() ?? 0) * cells
    let ofThreads = sums.map { $0.floats(total) }
    inParallel(parts: threads) { part in
      let own = ofThreads[part]
      own.update(repeating: 0, count: total)
      let room = patches[part].floats(layers.map(\.patchCount).max() ?? 0)
      for map in rows[evenSlice(of: rows.count, part: part, of: threads)] {
        var ofOutput = gradients[part][0].floats(widest)
        var ofInput = gradients[part][1].floats(widest)
        ofOutput.update(from: gradient + map * cells, count: cells)
        for index in layers.indices.reversed() {
          let layer = layers[index]
          let input = (index == 0 ? maps : UnsafePointer(buffers[index - 1])) + map * layer.inputs * cells
          layer.addGradient(
            of: input, gradient: ofOutput, patches: room, weight: own + starts[2 * index],
            bias: own + starts[2 * index + 1])
          guard index > 0 else { continue }
          values[2 * index].withUnsafeValues { weight in
            guard let weight = weight.baseAddress else { return }
            layer.inputGradient(of: ofOutput, weight: weight, patches: room, into: ofInput)
          }
          for place in 0..<layer.inputs * cells where input[place] <= 0 { ofInput[place] = 0 }
          swap(&ofOutput, &ofInput)
        }
      }
    }
    for index in parameters.indices {
      parameters[index].gradient.withUnsafeMutableValues { result in
        guard let result = result.baseAddress else { return }
        result.update(from: ofThreads[0] + starts[index], count: sizes[index])
        for other in ofThreads.dropFirst() {
          let from = other + starts[index]
          for place in 0..<sizes[index] { result[place] += from[place] }
        }
      }
    }
  }
}
