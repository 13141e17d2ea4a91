import DenseLinearAlgebra
import DetectionHeads

/// The weights of the convolutions of both branches as their products want them, for all threads of a pass.
struct AnchorWeights {
  /// The last one of the classification branch.
  let classes = TiledWeights()
  /// Those below it.
  let classTower: [TiledWeights]
  /// The last one of the regression branch, where there is one.
  let boxes = TiledWeights()
  /// Those below it.
  let boxTower: [TiledWeights]

  init(head: LinearHead, boxBranch: BoxBranch?, threads: Int) {
    func weights(of tower: ConvolutionTower?) -> [TiledWeights] {
      (tower?.layers ?? []).map { layer in
        let weights = TiledWeights()
        weights.take(layer.weight, threads: threads)
        return weights
      }
    }
    classes.take(head.classifier.weight, threads: threads)
    classTower = weights(of: head.tower)
    if let boxBranch { boxes.take(boxBranch.last.weight, threads: threads) }
    boxTower = weights(of: boxBranch?.tower)
  }
}
