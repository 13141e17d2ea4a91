import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation

/// Hides cells of foreground RoIs' pooled maps, and learns which ones cost the head most (A-Fast-RCNN's spatial dropout
/// network, ASDN: Wang et al., CVPR 2017, §4.1; xiaolonw/adversarial-frcnn).
///
/// Alone: every window of the map is hidden in turn; the one that leaves the true class the least score is the target, 1
/// inside, 0 outside, of a mean binary cross-entropy. With the head: some of the likeliest cells are hidden from the
/// head, and where that made the score of the true class fall, the hidden cells are the target.
///
/// In the released code the gradient of cells outside the window is multiplied by a random mask, but under a name that the
/// layer's output does not share, so that it has no effect there: `keptGradient` of 1 does the same.
///
/// Shapes: N RoIs of the batch, P of them hardened, D = C · H · W.
final class OcclusionAdversary: FeatureAdversary {
  let schedule: AdversarySchedule
  var group: ParameterGroup
  let componentName: String? = "occlusion"
  let needsFeatureGradient = false
  private let settings: OcclusionSettings
  private let shape: PooledShape
  private let network: OccluderNetwork
  private let optimizer: MomentumSGD
  private let threads: Int
  private let windows: [[Int]]
  private let maps = ScratchBuffer()
  private let hiddenMaps = ScratchBuffer()
  private let gradient = ScratchBuffer()
  private let tried: [ScratchBuffer]

  /// - Throws: `LinearHeadError` if the maps are too small for what is to be hidden.
  init(
    _ settings: OcclusionSettings, schedule: AdversarySchedule, shape: PooledShape, training: TrainingSettings,
    using generator: inout SeededGenerator
  ) throws {
    if let fault = settings.fault(height: shape.height, width: shape.width) {
      throw LinearHeadError(.wrongShape, fault)
    }
    self.settings = settings
    self.schedule = schedule
    self.shape = shape
    threads = training.threads
    network = OccluderNetwork(shape: shape, channels: settings.channels, threads: training.threads)
    group = ParameterGroup(OccluderNetwork.fresh(shape: shape, channels: settings.channels, using: &generator))
    optimizer = MomentumSGD(training)
    windows = OcclusionMasks.windows(
      height: shape.height, width: shape.width, side: settings.window, stride: settings.stride)
    tried = (0..<training.threads).map { _ in ScratchBuffer() }
  }

  func harden(_ batch: AdversaryBatch, using generator: inout SeededGenerator) -> Double {
    let rows = batch.hardened
    if batch.stage == .head || rows.isEmpty { return 0 }
    let maps = maps.floats(rows.count * shape.count)
    for (place, row) in rows.enumerated() {
      (maps + place * shape.count).update(from: batch.features + row * shape.count, count: shape.count)
    }
    let labels = rows.map { Int(batch.labels[$0]) }
    let logits = network.forward(group.parameters, maps: maps, count: rows.count)
    return batch.stage == .adversary
      ? learnAlone(maps, labels: labels, logits: logits, batch: batch, using: &generator)
      : learnBeside(maps, rows: rows, labels: labels, logits: logits, batch: batch, using: &generator)
  }

  func learn(from gradient: UnsafePointer<Float>, rate: Double) {}

  private func learnAlone(
    _ maps: UnsafePointer<Float>, labels: [Int], logits: UnsafeMutablePointer<Float>, batch: AdversaryBatch,
    using generator: inout SeededGenerator
  ) -> Double {
    let (cells, count) = (shape.cellCount, labels.count)
    let hardest = hardestWindows(maps, labels: labels, head: batch.head)
    let gradient = gradient.floats(count * cells)
    var loss = 0.0
    for place in 0..<count {
      var target = [Float](repeating: 0, count: cells)
      for cell in windows[hardest[place]] { target[cell] = 1 }
      for cell in 0..<cells {
        let (value, slope) = Self.crossEntropy(logits[place * cells + cell], target: target[cell])
        loss += value
        let isKept =
          target[cell] > 0 || settings.keptGradient >= 1
          || Double.random(in: 0..<1, using: &generator) < settings.keptGradient
        gradient[place * cells + cell] = isKept ? slope / Float(count * cells) : 0
      }
    }
    network.backward(&group.parameters, maps: maps, rows: Array(0..<count), gradient: gradient)
    return optimizer.step(&group, rate: batch.rate).isFinite ? loss / Double(count * cells) : .infinity
  }

  private func learnBeside(
    _ maps: UnsafePointer<Float>, rows: [Int], labels: [Int], logits: UnsafeMutablePointer<Float>,
    batch: AdversaryBatch, using generator: inout SeededGenerator
  ) -> Double {
    let (cells, count) = (shape.cellCount, rows.count)
    let before = scores(maps, labels: labels, head: batch.head)
    let hidden = hiddenMaps.floats(count * shape.count)
    hidden.update(from: maps, count: count * shape.count)
    let masks = (0..<count).map { place in
      OcclusionMasks.cells(
        logits: UnsafeBufferPointer(start: logits + place * cells, count: cells), candidates: settings.candidates,
        dropped: settings.dropped, using: &generator)
    }
    for (place, mask) in masks.enumerated() {
      let map = hidden + place * shape.count
      OcclusionMasks.hide(mask, of: map, channels: shape.channels, cellCount: cells)
      (batch.features + rows[place] * shape.count).update(from: map, count: shape.count)
    }
    let after = scores(hidden, labels: labels, head: batch.head)
    let teaching = (0..<count).filter { after[$0] + Float(settings.fall) < before[$0] }
    // Every RoI of the batch counts in the divisor, background too.
    let divisor = Float(batch.labels.count * cells)
    let gradient = gradient.floats(count * cells)
    var loss = 0.0
    for place in teaching {
      var target = [Float](repeating: 0, count: cells)
      for cell in masks[place] { target[cell] = 1 }
      for cell in 0..<cells {
        let (value, slope) = Self.crossEntropy(logits[place * cells + cell], target: target[cell])
        loss += value
        gradient[place * cells + cell] = Float(settings.lossWeight) * slope / divisor
      }
    }
    network.backward(&group.parameters, maps: maps, rows: teaching, gradient: gradient)
    let isFinite = optimizer.step(&group, rate: batch.rate).isFinite
    return isFinite ? settings.lossWeight * loss / Double(divisor) : .infinity
  }

  /// The window of each RoI that leaves its true class the least score; of equal ones the first.
  private func hardestWindows(_ maps: UnsafePointer<Float>, labels: [Int], head: LinearHead) -> [Int] {
    var hardest = [Int](repeating: 0, count: labels.count)
    hardest.withUnsafeMutableBufferPointer { hardest in
      inParallel(parts: threads) { part in
        let room = tried[part].floats(windows.count * shape.count)
        for place in evenSlice(of: labels.count, part: part, of: threads) {
          for (index, window) in windows.enumerated() {
            let map = room + index * shape.count
            map.update(from: maps + place * shape.count, count: shape.count)
            OcclusionMasks.hide(window, of: map, channels: shape.channels, cellCount: shape.cellCount)
          }
          let scores = Self.scores(
            room, labels: Array(repeating: labels[place], count: windows.count), head: head, width: shape.count)
          hardest[place] = scores.indices.min { (scores[$0], $0) < (scores[$1], $1) } ?? 0
        }
      }
    }
    return hardest
  }

  /// The head's score of each RoI's own class.
  private func scores(_ maps: UnsafePointer<Float>, labels: [Int], head: LinearHead) -> [Float] {
    var scores = [Float](repeating: 0, count: labels.count)
    scores.withUnsafeMutableBufferPointer { scores in
      inParallel(parts: threads) { part in
        let share = evenSlice(of: labels.count, part: part, of: threads)
        if share.isEmpty { return }
        let own = Self.scores(
          maps + share.lowerBound * shape.count, labels: Array(labels[share]), head: head, width: shape.count)
        for (place, score) in zip(share, own) { scores[place] = score }
      }
    }
    return scores
  }

  private static func scores(
    _ maps: UnsafePointer<Float>, labels: [Int], head: LinearHead, width: Int
  ) -> [Float] {
    let classes = head.layout.classCount
    var logits = [Float](repeating: 0, count: labels.count * head.bias.count)
    var scores = [Float](repeating: 0, count: labels.count * classes)
    head.logits(features: maps, count: labels.count, into: &logits)
    head.layout.scores(logits: &logits, count: labels.count, into: &scores)
    return labels.enumerated().map { scores[$0.offset * classes + $0.element] }
  }

  /// −t log σ(z) − (1 − t) log(1 − σ(z)), and σ(z) − t.
  private static func crossEntropy(_ logit: Float, target: Float) -> (value: Double, slope: Float) {
    let z = Double(logit)
    return (max(z, 0) - z * Double(target) + log1p(exp(-abs(z))), Float(1 / (1 + exp(-z))) - target)
  }
}
