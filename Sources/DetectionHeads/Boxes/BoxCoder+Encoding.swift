import LVISDatasets
import RealModule

extension BoxCoder {
  /// The deltas by which a proposal becomes a box: the target of a box regressor (Girshick et al., CVPR 2014, appendix C).
  ///
  /// dx = (x_box − x) / w, dy alike, dw = log(w_box / w), dh alike, all divided by the standard deviations. It undoes
  /// `decode`, except for a box without area, which no deltas lead to.
  ///
  /// - Parameters:
  ///   - box: Where to go.
  ///   - proposal: Where from.
  /// - Returns: The deltas; `nil` where one of the boxes has no area under the convention, so that there are none.
  public func encode(_ box: CornerBox, from proposal: CornerBox) -> SIMD4<Float>? {
    encode([box.x1, box.y1, box.x2, box.y2], from: [proposal.x1, proposal.y1, proposal.x2, proposal.y2])
  }

  /// The same for any scalar: boxes are x1, y1, x2, y2.
  package func encode<Scalar: Real & BinaryFloatingPoint & SIMDScalar>(
    _ box: SIMD4<Scalar>, from proposal: SIMD4<Scalar>
  ) -> SIMD4<Scalar>? {
    let extra: Scalar = convention == .mmdetection1 ? 1 : 0
    let (width, height) = (proposal.z - proposal.x + extra, proposal.w - proposal.y + extra)
    let (boxWidth, boxHeight) = (box.z - box.x + extra, box.w - box.y + extra)
    guard width > 0, height > 0, boxWidth > 0, boxHeight > 0 else { return nil }
    let shiftX = (box.x + box.z - proposal.x - proposal.z) / 2
    let shiftY = (box.y + box.w - proposal.y - proposal.w) / 2
    let deviations = standardDeviations
    var deltas = SIMD4<Scalar>(shiftX / width, shiftY / height, .log(boxWidth / width), .log(boxHeight / height))
    for index in 0..<4 { deltas[index] /= Scalar(deviations[index]) }
    return deltas
  }
}
