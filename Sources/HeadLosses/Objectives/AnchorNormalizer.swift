/// The number by which a dense detector's loss, summed over the anchors of a batch, is divided. The frameworks differ.
public enum AnchorNormalizer: String, Sendable, Codable, CaseIterable {
  /// The positives of the batch, at least 1.
  case positives
  /// torchvision: in each image its positives, at least 1; then the mean over images (`RetinaNetHead.compute_loss`).
  case perImage = "per-image"
  /// mmdetection: the sum over images of their positives, each at least 1 (`AnchorHead.loss_by_feat`).
  case imagePositives = "image-positives"
  /// detectron2: a running mean of the positives of a batch, at least 1, of momentum .9 from 100 on
  /// (`DenseDetector._ema_update`).
  case running
  /// All anchors of the batch that are trained on.
  case anchors
}
