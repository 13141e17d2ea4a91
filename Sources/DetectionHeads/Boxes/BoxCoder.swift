import LVISDatasets
import RealModule

/// Turns a proposal and the deltas (dx, dy, dw, dh) predicted for it into a box.
///
/// With w, h the proposal's size and (cx, cy) its centre: centre (cx + w dx, cy + h dy), size (w e^dw, h e^dh), where
/// dw, dh ≤ log(1000/16) (Girshick et al., CVPR 2014, appendix C; the conventions are those of the frameworks' coders).
public struct BoxCoder: Sendable, Hashable {
  /// The frameworks whose coders differ.
  public enum Convention: String, Sendable, Codable, CaseIterable {
    /// detectron2 and torchvision: dw, dh are limited from above only; boxes are clipped to [0, size].
    case standard
    /// mmdetection 2 and 3 (`DeltaXYWHBBoxCoder`): dw, dh are also limited from below, at −log(1000/16).
    case mmdetection2
    /// mmdetection 1: so too; a box from 3 to 5 is 3 wide (+1), and boxes are clipped to [0, size − 1].
    case mmdetection1
  }

  /// The framework whose rules hold; detectron2's and torchvision's by default.
  public var convention: Convention
  /// The factors of the deltas, by which they are multiplied first: (.1, .1, .2, .2) where they are a regressor's raw
  /// output, 1, the default, where that is done already, as in a feature set.
  public var standardDeviations: SIMD4<Float>

  /// Makes a coder; by default it takes deltas of a feature set by the rules of detectron2 and torchvision.
  public init(convention: Convention = .standard, standardDeviations: SIMD4<Float> = .one) {
    self.convention = convention
    self.standardDeviations = standardDeviations
  }

  /// The deviations (.1, .1, .2, .2) by which the frameworks divide a regressor's targets.
  public static let regressorDeviations: SIMD4<Float> = [0.1, 0.1, 0.2, 0.2]

  /// The largest logarithm of a scale that is decoded, log(1000 / 16), as in detectron2 and torchvision.
  package static let largestScale: Float = 4.135166556742356

  /// The box that deltas make of a proposal, both in pixels; it may reach beyond the image.
  public func decode(_ deltas: SIMD4<Float>, from proposal: CornerBox) -> CornerBox {
    let delta = deltas * standardDeviations
    let lowest: Float = convention == .standard ? -.infinity : -Self.largestScale
    let extra: Float = convention == .mmdetection1 ? 1 : 0
    let width = proposal.x2 - proposal.x1 + extra
    let height = proposal.y2 - proposal.y1 + extra
    // mmdetection 1 takes the middle of the corners although its sizes have the +1.
    let centerX = proposal.x1 + 0.5 * (width - extra) + width * delta.x
    let centerY = proposal.y1 + 0.5 * (height - extra) + height * delta.y
    let halfWidth = 0.5 * width * .exp(min(max(delta.z, lowest), Self.largestScale))
    let halfHeight = 0.5 * height * .exp(min(max(delta.w, lowest), Self.largestScale))
    let shift = 0.5 * extra
    return CornerBox(
      centerX - halfWidth + shift, centerY - halfHeight + shift, centerX + halfWidth - shift,
      centerY + halfHeight - shift)
  }

  /// The part of a box that lies in an image of the given size in pixels.
  public func clip(_ box: CornerBox, width: Float, height: Float) -> CornerBox {
    let right = convention == .mmdetection1 ? width - 1 : width
    let bottom = convention == .mmdetection1 ? height - 1 : height
    return CornerBox(
      min(max(box.x1, 0), right), min(max(box.y1, 0), bottom), min(max(box.x2, 0), right), min(max(box.y2, 0), bottom))
  }
}
