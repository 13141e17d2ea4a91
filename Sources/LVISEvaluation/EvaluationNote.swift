/// Something that a reader of the metrics should know: a field that was missing, or a peculiarity of the rules that
/// moved a number.
public enum EvaluationNote: Sendable, Equatable, CustomStringConvertible {
  /// Annotation ids stand more than once; this many annotations are hidden by a later one.
  case duplicateAnnotationIDs(Int)
  /// Ground truth with id 0 was found by detections, which nevertheless count as unmatched.
  case idZeroTaken(objects: Int)
  /// Images without `neg_category_ids`.
  case withoutNegatives(images: Int, of: Int)
  /// Images without `not_exhaustive_category_ids`.
  case withoutExhaustiveness(images: Int, of: Int)
  /// Categories without `frequency`.
  case withoutFrequency(categories: Int, of: Int)
  /// Crowds were treated as COCO treats them.
  case crowdsHonoured(Int)
  /// There was nothing to score.
  case noDetections

  /// One line.
  public var description: String {
    switch self {
    case .duplicateAnnotationIDs(let count):
      "\(count) annotation\(count == 1 ? " has an id" : "s have ids") that a later one has too; as in the reference, "
        + "the last annotation with an id stands for all of them"
    case .idZeroTaken(let objects):
      "\(objects) object\(objects == 1 ? "" : "s") with annotation id 0 \(objects == 1 ? "was" : "were") found, but "
        + "the detection counts as unmatched, as in the reference; --fix-id-zero counts it as a match"
    case .withoutNegatives(let images, let all):
      "\(Self.share(images, of: all, "image")) without neg_category_ids: searched for every category, as in COCO"
    case .withoutExhaustiveness(let images, let all):
      "\(Self.share(images, of: all, "image")) without not_exhaustive_category_ids: every category labelled "
        + "exhaustively, as in COCO"
    case .withoutFrequency(let categories, let all):
      "\(Self.share(categories, of: all, "category", "categories")) without frequency, which count for no APr, APc or "
        + "APf; --frequency-from TRAIN.json takes it from training image counts"
    case .crowdsHonoured(let count):
      "\(count) crowd annotation\(count == 1 ? " is" : "s are") ignored as in COCO, the ground truth being COCO-style"
    case .noDetections: "the results are empty"
    }
  }

  private static func share(_ part: Int, of all: Int, _ singular: String, _ plural: String? = nil) -> String {
    let noun = all == 1 ? singular : plural ?? singular + "s"
    return part == all ? "all \(all) \(noun)" : "\(part) of \(all) \(noun)"
  }
}
