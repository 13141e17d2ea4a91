import DetectionHeads

/// A detector framework, or code, whose last layers `bags convert` reads and writes: their keys and the order of their
/// rows.
///
/// Shapes: C classes.
public enum DetectorFramework: String, Sendable, CaseIterable {
  /// This project's own: background first, classes by ascending category id; or groups.
  case bags
  /// mmdetection 1: background first; sizes of boxes have the +1.
  case mmdetection1
  /// mmdetection 2 and 3: background last, no deltas for it.
  case mmdetection
  /// detectron2: background last, no deltas for it.
  case detectron2
  /// torchvision: background first, with deltas of its own.
  case torchvision
  /// The official code of balanced group softmax, on mmdetection 1: `[background, foreground]`, then the groups, each
  /// with `others` first (FishYuLi/BalancedGroupSoftmax, `gs_bbox_head_with0.py`).
  case official
  /// transformers' query detectors, DETR and its kin: softmax with "no object" last, or a sigmoid for each class
  /// (``QueryDetectorHead``).
  case transformers
  /// The port in eqlv2, on mmdetection 2: the groups, then `[others, background]` (tztztztztz/eqlv2,
  /// `group_softmax.py`).
  case eqlv2

  /// The key of a layer without `.weight`.
  ///
  /// - Parameter stage: The stage of a cascade; `nil` where there is one only.
  func key(_ layer: Layer, stage: Int?) -> String {
    let stage = stage.map { ".\($0)" } ?? ""
    return switch self {
    case .bags: layer == .classifier ? "fc_cls" : "fc_reg"
    case .mmdetection1, .official: "bbox_head\(stage).\(layer == .classifier ? "fc_cls" : "fc_reg")"
    case .mmdetection, .eqlv2: "roi_head.bbox_head\(stage).\(layer == .classifier ? "fc_cls" : "fc_reg")"
    case .transformers: layer == .classifier ? "class_embed" : "bbox_embed"
    case .detectron2, .torchvision:
      "roi_heads.box_predictor\(stage).\(layer == .classifier ? "cls_score" : "bbox_pred")"
    }
  }

  /// The two layers.
  enum Layer: CaseIterable {
    case classifier, regressor
  }

  /// Whether background stands before the classes.
  var hasBackgroundFirst: Bool { [.bags, .mmdetection1, .torchvision, .official].contains(self) }
  /// Whether a regressor of every class has four rows for background too, before the others.
  var hasBackgroundDeltas: Bool { [.mmdetection1, .torchvision, .official].contains(self) }
  /// Whether its classifier is a grouped one.
  var isGrouped: Bool { self == .official || self == .eqlv2 }
  /// Whose rules make boxes of its deltas.
  var convention: BoxCoder.Convention {
    switch self {
    case .mmdetection1, .official: .mmdetection1
    case .mmdetection, .eqlv2: .mmdetection2
    case .bags, .detectron2, .torchvision, .transformers: .standard
    }
  }

  /// What the regressor's output is multiplied by where nobody says otherwise: (.1, .1, .2, .2), as mmdetection writes
  /// it, or one over (10, 10, 5, 5), as detectron2 and torchvision do; the later stages of a cascade have smaller ones
  /// (the frameworks' own Cascade R-CNN configurations).
  func deviations(stage: Int?) -> SIMD4<Float> {
    let asQuotients = self == .detectron2 || self == .torchvision
    return switch stage {
    case 1: [0.05, 0.05, 0.1, 0.1]
    case 2: asQuotients ? 1 / SIMD4(30, 30, 15, 15) : [0.033, 0.033, 0.067, 0.067]
    default: BoxCoder.regressorDeviations
    }
  }
}
