import LVISDatasets

/// Annotations that are likely to be wrong, found by what a detector says beside them: worth a look before the rarest
/// classes, whose AP hangs on a few objects, are believed.
public struct LabelErrors: Sendable, Codable {
  /// The kinds of likely errors.
  public enum Kind: String, Sendable, Codable, CodingKeyRepresentable, CaseIterable {
    /// A confident detection that no annotation of any class meets (IoU below .1), in an image that was searched for its
    /// class and labelled exhaustively.
    case missing
    /// An annotation on which every confident detection (IoU ≥ .5) is of another class, and at least one such detection
    /// has no annotation of its own class there.
    case contradicted
    /// An annotation whose box or mask another annotation of the image repeats (IoU ≥ .9).
    case duplicate
  }

  /// A class by its id and its name.
  public struct Category: Sendable, Codable, Equatable {
    /// The category's id.
    public let id: Int
    /// The category's name.
    public let name: String
  }

  /// One likely error.
  public struct Finding: Sendable, Codable, Equatable {
    /// The kind of error.
    public let kind: Kind
    /// The id of the image.
    public let imageID: Int
    /// The width and height of the image; 0 where the annotations state none.
    public let imageSize: [Int]
    /// The id of the annotation; `nil` where one is missing.
    public let annotationID: Int?
    /// The class of the annotation; of a missing one, that of the detection.
    public let category: Category
    /// The frequency or group of that class.
    public let split: ClassSplit
    /// The box of the annotation, or of the detection where one is missing: x, y, width, height in pixels.
    public let box: [Double]
    /// The class that it should perhaps have: that of the best detection on it, or of the other annotation.
    public let suggestion: Category
    /// The box of the detection or of the other annotation.
    public let otherBox: [Double]
    /// The id of the other annotation; `nil` where there is none.
    public let otherAnnotationID: Int?
    /// The score of the detection; `nil` of duplicates.
    public let score: Double?
    /// The highest IoU of the detection with an annotation, that with the contradicted one, or that of two duplicates.
    public let overlap: Double

    private enum CodingKeys: String, CodingKey {
      case kind, category, box, suggestion, otherBox, score
      case imageID = "imageId"
      case imageSize
      case annotationID = "annotationId"
      case otherAnnotationID = "otherAnnotationId"
      case split = "classes"
      case overlap = "iou"
    }
  }

  /// How many likely errors of each kind the classes of a frequency or group have.
  public struct Row: Sendable, Codable, Equatable {
    /// The classes that the row is about.
    public let split: ClassSplit
    /// The number of their annotated objects, ignored ones included.
    public let annotationCount: Int
    /// The number of likely errors by kind.
    public let counts: [Kind: Int]

    private enum CodingKeys: String, CodingKey {
      case split = "classes"
      case annotationCount = "annotations"
      case counts
    }
  }

  /// The score from which a detection was taken for confident.
  public let confidence: Double
  /// One for each group, or else for each frequency; classes in none come last, where there are any.
  public let rows: [Row]
  /// The likely errors: of each kind in turn the surest first, by score or IoU.
  public var findings: [Finding]

  /// The score from which a detection is confident, unless another is given.
  public static let standardConfidence = 0.5
  /// The IoU from which two annotations are duplicates.
  public static let duplicateThreshold = 0.9
}

extension LVISEvaluator {
  /// Looks for annotations that are likely to be wrong.
  ///
  /// - Parameters:
  ///   - detections: Prepared for analysis, where masks are compared.
  ///   - confidence: The score from which a detection is believed.
  /// - Throws: `EvaluationError` if the detections were prepared for scoring only.
  /// - Complexity: Time grows with confident detections, and with annotations, times those of the same image.
  public func labelErrors(
    in detections: PreparedDetections, confidence: Double = LabelErrors.standardConfidence
  ) throws -> LabelErrors {
    var findings: [LabelErrors.Finding]
    switch options.iouType {
    case .bbox:
      findings = find(in: detections, confidence, BoxOverlap(detections.table, truth))
    case .segm, .boundary:
      guard detections.purpose == .analysis else {
        throw EvaluationError(
          .notPrepared, "these detections were prepared for scoring, without all masks: prepare them for analysis")
      }
      findings = find(
        in: detections, confidence,
        MaskOverlap(
          detections.table, truth, usesBoundaries: false, lowestThreshold: DetectionAnalysis.backgroundThreshold))
    }
    let places = Dictionary(uniqueKeysWithValues: LabelErrors.Kind.allCases.enumerated().map { ($1, $0) })
    func sureness(_ finding: LabelErrors.Finding) -> Double { finding.score ?? finding.overlap }
    findings = findings.enumerated().sorted { a, b in
      if a.element.kind != b.element.kind {
        return places[a.element.kind, default: 0] < places[b.element.kind, default: 0]
      }
      let (x, y) = (sureness(a.element), sureness(b.element))
      return x != y ? x > y : a.offset < b.offset
    }.map(\.element)
    let splits = ClassSplits(dividing: truth.categories, options)
    var annotated = [Int](repeating: 0, count: splits.splits.count)
    for category in truth.categoryOfObject { annotated[splits.rows(of: category)[0]] += 1 }
    var counts = splits.splits.map { _ in Dictionary(uniqueKeysWithValues: LabelErrors.Kind.allCases.map { ($0, 0) }) }
    for finding in findings {
      if let row = splits.splits.firstIndex(of: finding.split) { counts[row][finding.kind, default: 0] += 1 }
    }
    return LabelErrors(
      confidence: confidence,
      rows: splits.splits.indices.map {
        LabelErrors.Row(split: splits.splits[$0], annotationCount: annotated[$0], counts: counts[$0])
      }, findings: findings)
  }

  private func find(
    in detections: PreparedDetections, _ confidence: Double, _ overlap: some Overlap
  ) -> [LabelErrors.Finding] {
    let imagesAtATime = 256
    let imageCount = truth.images.count
    let splits = ClassSplits(dividing: truth.categories, options)
    let parts = concurrentMap((imageCount + imagesAtATime - 1) / imagesAtATime) { part in
      var finder = LabelErrorFinder(self, detections.table, overlap, splits)
      for image in (part * imagesAtATime)..<min((part + 1) * imagesAtATime, imageCount) {
        let group = detections.groups.order[detections.groups.range(of: image)]
        finder.search(image: image, detections: group.filter { detections.table.scores[Int($0)] >= confidence }[...])
      }
      return finder.findings
    }
    return parts.flatMap(\.self)
  }
}
