import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation

/// Turns blocks of channels of foreground RoIs' pooled maps, and learns the angles that cost the head most (A-Fast-RCNN's
/// spatial transformer network, ASTN: Wang et al., CVPR 2017, §4.2). It is made from the paper; there is no public code.
///
/// The channels are divided into blocks, each with an angle of its own within ± a limit, here limit · tanh(z); scaling and
/// translation were dropped by the authors. z comes from layers like the head's own below its classifier, which start as a
/// copy of them, and a last layer drawn from N(0, .01). The deformer climbs the head's loss: its gradient is that of the
/// features, passed on through the bilinear sampling, with the sign changed.
///
/// Shapes: N RoIs of the batch, P of them hardened, D = C · H · W, B blocks of channels.
final class DeformationAdversary: FeatureAdversary {
  let schedule: AdversarySchedule
  var group: ParameterGroup
  let componentName: String? = nil
  let needsFeatureGradient = true
  private let blocks: Int
  /// The limit in radians.
  private let limit: Float
  private let shape: PooledShape
  private let optimizer: MomentumSGD
  private let threads: Int
  private let products: HiddenLayerProducts
  private let maps = ScratchBuffer()
  private let lastGradient = ScratchBuffer()
  private var rows: [Int] = []
  private var lastInputs: UnsafePointer<Float>?
  /// tanh(z) of the present batch [P, B].
  private var turns: [Float] = []

  /// - Parameters:
  ///   - blocks: B.
  ///   - degrees: The limit.
  ///   - schedule: When it is trained, and how fast.
  ///   - shape: That of the maps.
  ///   - head: The head that is trained, whose hidden layers it imitates.
  ///   - training: The settings of the training.
  ///   - generator: Draws its last layer.
  /// - Throws: `LinearHeadError` if there are more blocks than channels.
  init(
    blocks: Int, degrees: Double, schedule: AdversarySchedule, shape: PooledShape, head: LinearHead,
    training: TrainingSettings, using generator: inout SeededGenerator
  ) throws {
    guard blocks <= shape.channels else {
      throw LinearHeadError(
        .wrongShape, "the deformer turns \(blocks) blocks of channels; the maps have \(shape.channels) channels")
    }
    self.blocks = blocks
    limit = Float(degrees * .pi / 180)
    self.schedule = schedule
    self.shape = shape
    threads = training.threads
    optimizer = MomentumSGD(training)
    products = HiddenLayerProducts(layerCount: head.hidden.count, threads: training.threads)
    let width = head.hidden.last?.outputs ?? shape.count
    let values = (0..<blocks * width).map { _ in Float(0.01 * standardNormal(using: &generator)) }
    group = ParameterGroup(
      head.hidden.enumerated().flatMap { index, layer in
        [
          Parameter("deformer.\(index).weight", values: layer.weight),
          Parameter("deformer.\(index).bias", values: layer.bias),
        ]
      } + [
        Parameter("deformer.angles.weight", values: Matrix(rows: blocks, columns: width, values: values)),
        Parameter("deformer.angles.bias", values: [Float](repeating: 0, count: blocks)),
      ])
  }

  /// The position of the last layer's weight among the parameters.
  private var last: Int { group.parameters.count - 2 }

  private var layers: [HiddenLayer] {
    stride(from: 0, to: last, by: 2).compactMap {
      try? HiddenLayer(weight: group.parameters[$0].values, bias: group.parameters[$0 + 1].values.storage)
    }
  }

  /// The channels of a block.
  private func channels(ofBlock block: Int) -> Range<Int> { evenSlice(of: shape.channels, part: block, of: blocks) }

  func harden(_ batch: AdversaryBatch, using generator: inout SeededGenerator) -> Double {
    rows = []
    if batch.stage == .head { return 0 }
    if batch.isFirst { copyLayers(of: batch.head) }
    rows = batch.hardened
    if rows.isEmpty { return 0 }
    let maps = maps.floats(rows.count * shape.count)
    for (place, row) in rows.enumerated() {
      (maps + place * shape.count).update(from: batch.features + row * shape.count, count: shape.count)
    }
    let layers = layers
    let inputs = layers.isEmpty ? maps : products.forward(layers, features: maps, count: rows.count)
    lastInputs = UnsafePointer(inputs)
    turns = [Float](repeating: 0, count: rows.count * blocks)
    group.parameters[last].values.withUnsafeValues { weight in
      guard let weight = weight.baseAddress else { return }
      linearLogits(
        features: inputs, count: rows.count, inputs: group.parameters[last].values.columns, weight: weight,
        bias: group.parameters[last + 1].values.storage, into: &turns)
    }
    for index in turns.indices { turns[index] = tanh(turns[index]) }
    inParallel(parts: threads) { part in
      for place in evenSlice(of: rows.count, part: part, of: threads) {
        for block in 0..<blocks {
          let rotation = rotation(ofPlace: place, block: block)
          for channel in channels(ofBlock: block) {
            let offset = channel * shape.cellCount
            rotation.apply(
              to: maps + place * shape.count + offset, into: batch.features + rows[place] * shape.count + offset)
          }
        }
      }
    }
    return 0
  }

  private func rotation(ofPlace place: Int, block: Int) -> ChannelRotation {
    ChannelRotation(angle: limit * turns[place * blocks + block], height: shape.height, width: shape.width)
  }

  private func copyLayers(of head: LinearHead) {
    for (index, layer) in head.hidden.enumerated() {
      group.parameters[2 * index].values = layer.weight
      group.parameters[2 * index + 1].values = Matrix(rows: layer.outputs, columns: 1, values: layer.bias)
    }
  }

  func learn(from gradient: UnsafePointer<Float>, rate: Double) {
    guard !rows.isEmpty, let lastInputs else { return }
    let maps = maps.floats(rows.count * shape.count)
    // dLoss/dz of the loss that falls as the head's rises.
    var slopes = [Float](repeating: 0, count: rows.count * blocks)
    slopes.withUnsafeMutableBufferPointer { slopes in
      inParallel(parts: threads) { part in
        for place in evenSlice(of: rows.count, part: part, of: threads) {
          for block in 0..<blocks {
            let rotation = rotation(ofPlace: place, block: block)
            var sum: Float = 0
            for channel in channels(ofBlock: block) {
              let offset = channel * shape.cellCount
              sum += rotation.angleGradient(
                of: maps + place * shape.count + offset, gradient: gradient + rows[place] * shape.count + offset)
            }
            let turn = turns[place * blocks + block]
            slopes[place * blocks + block] = -sum * limit * (1 - turn * turn)
          }
        }
      }
    }
    let width = group.parameters[last].values.columns
    group.withGradient(ofLayerAt: last) { result in
      Float.multiply(
        rows: blocks, columns: width, inner: rows.count, alpha: 1, slopes, stride: blocks, transposed: true, lastInputs,
        stride: width, transposed: false, beta: 0, into: result.weight, stride: width)
      bags_column_sums(slopes, rows.count, blocks, blocks, result.bias)
    }
    if last > 0 {
      let ofLayers = lastGradient.floats(rows.count * width)
      group.parameters[last].values.withUnsafeValues { weight in
        guard let weight = weight.baseAddress else { return }
        Float.multiply(
          rows: rows.count, columns: width, inner: blocks, alpha: 1, slopes, stride: blocks, transposed: false, weight,
          stride: width, transposed: false, beta: 0, into: ofLayers, stride: width)
      }
      products.backward(layers, outputGradient: ofLayers) { group.withGradient(ofLayerAt: 2 * $0, $1) }
    }
    _ = optimizer.step(&group, rate: rate)
  }
}
