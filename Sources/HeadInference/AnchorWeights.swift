import DetectionHeads

/// The weight of the last convolution of either branch as its products want it, for all threads of a pass.
struct AnchorWeights {
  let classes = TiledWeights()
  let boxes = TiledWeights()

  init(head: LinearHead, boxBranch: BoxBranch?, threads: Int) {
    func take(_ layer: LinearRows, by weights: TiledWeights) {
      layer.weight.withUnsafeValues { values in
        guard let values = values.baseAddress else { return }
        weights.take(values, outputs: layer.bias.count, channels: layer.weight.columns / 9, threads: threads)
      }
    }
    take(head.classifier, by: classes)
    if let boxBranch { take(boxBranch.last, by: boxes) }
  }
}
