import FeatureSets
import LVISDatasets
import RealModule

/// The RoIs of an image and the features that the detector computes for them.
struct SyntheticProposals {
  let configuration: SyntheticDetectionSet.Configuration
  let classes: SyntheticClasses

  /// The IoU from which on a RoI has its object's label.
  private static let positiveOverlap = 0.5

  /// Makes the RoIs of a scene.
  ///
  /// - Parameters:
  ///   - scene: The image.
  ///   - count: How many RoIs.
  ///   - withLabelledBoxes: Whether the labelled boxes are among them, as a detector adds them in training.
  func rois(
    of scene: SyntheticScene, count: Int, withLabelledBoxes: Bool, using generator: inout some RandomNumberGenerator
  ) -> ImageRoIs {
    let objects = scene.objects
    let spreads = objects.map { _ in noise(configuration.objectNoise, using: &generator) }
    let sampler = SyntheticBoxSampler(scene: scene)
    var features: [Float] = []
    var boxes: [Float] = []
    var labels: [Int] = []
    var matchedBoxes: [Float] = []
    var deltas: [Float] = []
    var overlaps: [Float] = []
    for box in sampler.boxes(count: count, withLabelledBoxes: withLabelledBoxes, using: &generator) {
      let shares = objects.map { $0.box.intersectionOverUnion(box) }
      // What the detector sees is the nearest object, labelled or not; what it is told is the nearest labelled one.
      let seen = highest(shares) { _ in true }
      let matched = highest(shares) { objects[$0].labelledClass != nil }
      overlaps.append(Float(matched?.share ?? 0))
      if let matched, matched.share >= Self.positiveOverlap, let label = objects[matched.index].labelledClass {
        labels.append(label + 1)
        matchedBoxes += objects[matched.index].box.corners
      } else {
        labels.append(-1)
        matchedBoxes += [0, 0, 0, 0]
      }
      boxes += box.corners
      deltas += regression(from: box, towards: seen.map { objects[$0.index].box }, using: &generator)
      features += feature(
        of: seen.map { (objects[$0.index].kind, spreads[$0.index]) }, overlap: seen?.share ?? 0, using: &generator)
    }
    return ImageRoIs(
      imageID: scene.image.id, features: features, boxes: boxes, labels: labels,
      columns: [.groundTruthBoxes: matchedBoxes, .boxDeltas: deltas, .ious: overlaps])
  }

  /// The object with the largest share above 0 among those that `isEligible`.
  func highest(_ shares: [Double], isEligible: (Int) -> Bool) -> (index: Int, share: Double)? {
    var best: (index: Int, share: Double)?
    for (index, share) in shares.enumerated() where share > best?.share ?? 0 && isEligible(index) {
      best = (index, share)
    }
    return best
  }

  /// max(0, offset + q · (class + spread) + (1 − q) · texture + noise), in steps of 1/64 below 32: exact as F16.
  func feature(
    of object: (kind: SyntheticScene.Kind, spread: [Double])?, overlap: Double,
    using generator: inout some RandomNumberGenerator
  ) -> [Float] {
    let texture = classes.textures[generator.integer(below: classes.textures.count)]
    let seen = min(1, max(0, (overlap - 0.1) / 0.6))
    let direction =
      switch object?.kind {
      case .known(let index, _): classes.directions[index]
      case .foreign(let index): classes.foreignDirections[index]
      case nil: texture
      }
    return texture.indices.map { index in
      var value = configuration.offset + (1 - seen) * texture[index]
      value += configuration.proposalNoise * generator.nearlyNormal()
      if let object { value += seen * (direction[index] + object.spread[index]) }
      return Float((min(31, max(0, value)) * 64).rounded() / 64)
    }
  }

  /// What a class-agnostic regressor answers: most of the way to the object, with noise (dx dy dw dh, already times the
  /// stds).
  func regression(
    from box: BoundingBox, towards target: BoundingBox?, using generator: inout some RandomNumberGenerator
  ) -> [Float] {
    var way = [0.0, 0, 0, 0]
    if let target {
      way = [
        (target.x + target.width / 2 - box.x - box.width / 2) / box.width,
        (target.y + target.height / 2 - box.y - box.height / 2) / box.height,
        .log(target.width / box.width), .log(target.height / box.height),
      ]
    }
    return way.map { Float(0.9 * $0 + configuration.regressionNoise * generator.nearlyNormal()) }
  }

  func noise(_ strength: Double, using generator: inout some RandomNumberGenerator) -> [Double] {
    (0..<configuration.featureLength).map { _ in strength * generator.nearlyNormal() }
  }
}

extension BoundingBox {
  /// x1, y1, x2, y2.
  fileprivate var corners: [Float] { [Float(x), Float(y), Float(x + width), Float(y + height)] }
}
