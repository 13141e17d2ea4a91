/// The frameworks whose dense detectors differ in how anchors are laid out, assigned and decoded.
public enum AnchorConvention: String, Sendable, Codable, CaseIterable {
  /// torchvision: base anchors rounded to whole pixels, ratios outside sizes, strides that follow from the padded image;
  /// boxes clipped before suppression.
  case torchvision
  /// detectron2: exact base anchors, sizes outside ratios; boxes clipped after suppression.
  case detectron2
  /// mmdetection 2 and 3: exact base anchors, ratios outside sizes, anchors in the padding not trained on; a best anchor is
  /// given the object that it is best for; dw, dh limited on both sides.
  case mmdetection

  /// Whether base anchors are rounded to whole pixels.
  var roundsBaseAnchors: Bool { self == .torchvision }
  /// Whether the A anchors of a location are ordered by size first, then by ratio.
  var ordersBySize: Bool { self == .detectron2 }
  /// Whether strides are the padded image's size ÷ the level's, rounded down, in place of those that the set states.
  var derivesStrides: Bool { self == .torchvision }
  /// Whether an object's best anchor is given that object, in place of keeping its own best one.
  var givesBestAnchorsTheirObject: Bool { self == .mmdetection }
  /// Whether anchors whose location lies in the padding of the image are left out of training.
  var leavesOutPadding: Bool { self == .mmdetection }
  /// Whether boxes are clipped to the image before suppression, in place of after it.
  public var clipsBeforeSuppression: Bool { self != .detectron2 }
  /// The rules by which deltas become boxes.
  public var boxCoder: BoxCoder { BoxCoder(convention: self == .mmdetection ? .mmdetection2 : .standard) }
}
