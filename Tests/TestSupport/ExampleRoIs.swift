import DenseLinearAlgebra
import DetectionHeads
import FeatureSets

/// 20 images of 1 to 12 RoIs, their features drawn; every second RoI or so is background.
public func exampleRoIs(classCount: Int, featureCount: Int = 6) -> RoIArrays {
  var generator = SeededGenerator(seed: 11)
  let counts = (0..<20).map { _ in Int.random(in: 1...12, using: &generator) }
  let total = counts.reduce(0, +)
  let labels = (0..<total).map { _ in max(-1, Int32.random(in: -8..<Int32(classCount), using: &generator)) }
  var rois = RoIArrays(
    features: (0..<total * featureCount).map { _ in Float(standardNormal(using: &generator)) },
    featureCount: featureCount, labels: labels, roisPerImage: counts)
  rois.columns[.ious] = (0..<total).map { Float($0 % 5) / 4 }
  return rois
}
