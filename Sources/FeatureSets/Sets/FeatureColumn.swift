/// A floating-point tensor of a feature set; the raw value is its name in the files.
public enum FeatureColumn: String, Sendable, CaseIterable {
  /// The input of the classifier, [N, D].
  case features
  /// Proposals, or the final boxes of queries, [N, 4]: x1, y1, x2, y2 in absolute pixels. Examples that are whole images
  /// have none.
  case boxes
  /// The ground-truth box that each RoI was matched with, [N, 4].
  case groundTruthBoxes = "gt_boxes"
  /// Predicted box deltas, [N, 4] class-agnostic or [N, 4C] per class by ascending category id; already times the stds.
  case boxDeltas = "box_deltas"
  /// IoU of proposal and matched ground truth, [N].
  case ious
  /// The proposals' own scores, [N].
  case objectness

  /// Whether every feature set has it.
  public var isRequired: Bool { self == .features }
}
