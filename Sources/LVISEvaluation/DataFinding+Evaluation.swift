import LVISDatasets

extension DataFinding.Code {
  /// Ground truth with id 0, which lvis-api takes for none.
  public static let idZeroTaken = Self(rawValue: "id-zero-taken")
  /// Crowds, which are ignored as in COCO.
  public static let crowdsHonoured = Self(rawValue: "crowds-honoured")
  /// Results without a single detection.
  public static let noDetections = Self(rawValue: "no-detections")
  /// Detections that all have one score.
  public static let equalScores = Self(rawValue: "equal-scores")
}

/// What a reader of the metrics should know: a field that was missing, or a peculiarity of the rules that moved a number.
extension DataFinding {
  /// Annotation ids stand more than once; this many annotations are hidden by a later one.
  static func hiddenAnnotations(_ count: Int) -> Self {
    Self(
      .duplicateAnnotationIDs, count: count,
      "\(count) annotation\(count == 1 ? " has an id" : "s have ids") that a later one has too; as in the reference, the "
        + "last annotation with an id stands for all of them")
  }

  /// Ground truth with id 0 was found by detections, which nevertheless count as unmatched.
  static func idZeroTaken(objects: Int) -> Self {
    Self(
      .idZeroTaken, count: objects,
      "\(counted(objects, "object")) with annotation id 0 \(objects == 1 ? "was" : "were") found, but the detection "
        + "counts as unmatched, as in the reference", remedy: "fixesIDZero counts it as a match")
  }

  /// Images without `neg_category_ids`.
  static func withoutNegatives(images: Int, of all: Int) -> Self {
    Self(
      .imagesWithoutNegatives, count: images,
      "\(share(images, of: all, "image")) without neg_category_ids: searched for every category, as in COCO")
  }

  /// Images without `not_exhaustive_category_ids`.
  static func withoutExhaustiveness(images: Int, of all: Int) -> Self {
    Self(
      .imagesWithoutExhaustiveness, count: images,
      "\(share(images, of: all, "image")) without not_exhaustive_category_ids: every category labelled exhaustively, as "
        + "in COCO")
  }

  /// Categories without `frequency`.
  static func withoutFrequency(categories: Int, of all: Int) -> Self {
    Self(
      .categoriesWithoutFrequency, count: categories,
      "\(share(categories, of: all, "category", "categories")) without frequency, which count for no APr, APc or APf",
      remedy: "frequencies of the options can come from training image counts")
  }

  /// Crowds were treated as COCO treats them.
  static func crowdsHonoured(_ count: Int) -> Self {
    Self(
      .crowdsHonoured, .note, count: count,
      "\(count) crowd annotation\(count == 1 ? " is" : "s are") ignored as in COCO, the ground truth being COCO-style")
  }

  /// There was nothing to score.
  static var noDetections: Self {
    Self(.noDetections, count: 0, "the results are empty", remedy: "is the score threshold too high?")
  }
}

extension [DataFinding] {
  /// What reading found, but for what the evaluation says in its own words, or its rules do not ask for.
  func withoutWhatEvaluationSays(of rules: EvaluationOptions.Rules) -> [DataFinding] {
    filter { finding in
      let isSaid = finding.concernsScoringOnly || finding.code == .duplicateAnnotationIDs
      let isUnneeded = rules == .coco && finding.code == .unknownFrequencies
      return !isSaid && !isUnneeded
    }
  }
}
