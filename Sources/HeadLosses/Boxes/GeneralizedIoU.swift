import DetectionHeads
import RealModule

/// A box loss that looks at the boxes which deltas make, not at the deltas: it needs the rules by which they do.
public protocol DecodingBoxLoss: BoxLoss {
  /// The rules by which deltas become boxes; set before training.
  var coder: BoxCoder { get set }
}

/// The generalised IoU loss (Rezatofighi et al., CVPR 2019, algorithm 2; torchvision `generalized_box_iou_loss`): 1 − I/U +
/// (E − U)/E, where I is the intersection of the predicted box and its object, U their union and E the smallest box around
/// both; summed over the foreground examples and divided by all.
///
/// IoUs do not change when both boxes are moved and each axis is stretched, so proposals of any size and place give the
/// value and the gradient of a proposal of size 1 × 1 at the origin. dw, dh beyond the coder's limits have no gradient.
public struct GeneralizedIoU: DecodingBoxLoss {
  /// The rules by which deltas become boxes.
  public var coder = BoxCoder()

  /// Makes the loss.
  public init() {}

  /// Replaces the predicted deltas by the gradient and returns the loss, divided by all examples of the batch.
  public mutating func backward(
    _ deltas: UnsafeMutablePointer<Float>, targets: UnsafePointer<Float>, count: Int, batchCount: Int
  ) -> Double {
    var sum = 0.0
    let divisor = Double(max(1, batchCount))
    for index in 0..<count {
      let own = deltas + 4 * index
      let (loss, gradient) = value(deltas: own, targets: targets + 4 * index)
      sum += loss
      for coordinate in 0..<4 { own[coordinate] = Float(gradient[coordinate] / divisor) }
    }
    return sum / divisor
  }

  /// The loss of one example.
  public func loss(deltas: UnsafePointer<Float>, targets: UnsafePointer<Float>) -> Float {
    Float(value(deltas: deltas, targets: targets).loss)
  }

  /// The loss and dLoss/dDeltas.
  package func value(
    deltas: UnsafePointer<Float>, targets: UnsafePointer<Float>
  ) -> (loss: Double, gradient: SIMD4<Double>) {
    let (box, limits) = decoded(deltas)
    let (object, _) = decoded(targets)
    let (width, height) = (box.z - box.x, box.w - box.y)
    let inner = SIMD2(min(box.z, object.z) - max(box.x, object.x), min(box.w, object.w) - max(box.y, object.y))
    let outer = SIMD2(max(box.z, object.z) - min(box.x, object.x), max(box.w, object.w) - min(box.y, object.y))
    let overlaps = inner.x > 0 && inner.y > 0
    let intersection = overlaps ? inner.x * inner.y : 0
    let union = width * height + (object.z - object.x) * (object.w - object.y) - intersection
    let enclosing = outer.x * outer.y
    guard union > 0, enclosing > 0 else { return (0, .zero) }
    // By the corners of the box: x1, y1, x2, y2.
    var (ofIntersection, ofEnclosing) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
    if overlaps {
      if box.x > object.x { ofIntersection.x = -inner.y }
      if box.y > object.y { ofIntersection.y = -inner.x }
      if box.z < object.z { ofIntersection.z = inner.y }
      if box.w < object.w { ofIntersection.w = inner.x }
    }
    if box.x < object.x { ofEnclosing.x = -outer.y }
    if box.y < object.y { ofEnclosing.y = -outer.x }
    if box.z > object.z { ofEnclosing.z = outer.y }
    if box.w > object.w { ofEnclosing.w = outer.x }
    let ofUnion = SIMD4<Double>(-height, -width, height, width) - ofIntersection
    let ofOverlap: SIMD4<Double> = (ofIntersection * union - ofUnion * intersection) / (union * union)
    let ofShare: SIMD4<Double> = (ofUnion * enclosing - ofEnclosing * union) / (enclosing * enclosing)
    let corners = -ofOverlap - ofShare
    let gradient = SIMD4(
      corners.x + corners.z, corners.y + corners.w, limits.x * width * (corners.z - corners.x) / 2,
      limits.y * height * (corners.w - corners.y) / 2)
    return (2 - intersection / union - union / enclosing, gradient * SIMD4<Double>(coder.standardDeviations))
  }

  /// The corners of the box that deltas make of a proposal of 1 × 1 around the origin, and 0 in place of 1 where a size is
  /// at the coder's limit.
  private func decoded(_ deltas: UnsafePointer<Float>) -> (box: SIMD4<Double>, limits: SIMD2<Double>) {
    let values = SIMD4<Double>(
      SIMD4<Float>(deltas[0], deltas[1], deltas[2], deltas[3]) * coder.standardDeviations)
    let highest = Double.log(1000.0 / 16)
    let lowest = coder.convention == .standard ? -Double.infinity : -highest
    let sizes = SIMD2(Double.exp(min(max(values.z, lowest), highest)), .exp(min(max(values.w, lowest), highest)))
    func passes(_ value: Double) -> Double { (lowest...highest).contains(value) ? 1 : 0 }
    return (
      SIMD4(
        values.x - sizes.x / 2, values.y - sizes.y / 2, values.x + sizes.x / 2, values.y + sizes.y / 2),
      SIMD2(passes(values.z), passes(values.w))
    )
  }
}
