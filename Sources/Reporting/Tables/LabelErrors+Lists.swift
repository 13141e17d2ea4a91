import Charts
import DurableFiles
import LVISEvaluation

extension LabelErrors {
  /// One line a finding: `kind,classes,image_id,image,annotation_id,category_id,category,x,y,width,height`, what it
  /// should perhaps be, `suggested_id,suggested,other_annotation_id`, and `score,iou`; empty what there is not.
  ///
  /// - Parameter imageNames: The file or address of each image by its id; empty where they are not known.
  public func csv(imageNames: [Int: String]) -> String {
    let header = [
      "kind", "classes", "image_id", "image", "annotation_id", "category_id", "category", "x", "y", "width", "height",
      "suggested_id", "suggested", "other_annotation_id", "score", "iou",
    ]
    let lines = findings.map { finding -> [String] in
      [finding.kind.rawValue, "\(finding.split)", "\(finding.imageID)", imageNames[finding.imageID] ?? ""]
        + [finding.annotationID.map { "\($0)" } ?? "", "\(finding.category.id)", finding.category.name]
        + finding.box.map { "\($0)" }
        + ["\(finding.suggestion.id)", finding.suggestion.name, finding.otherAnnotationID.map { "\($0)" } ?? ""]
        + [finding.score.map { "\($0)" } ?? "", "\(finding.overlap)"]
    }
    return csvText([header] + lines)
  }

  /// A list of tasks for Label Studio's import, one an image, with the likely errors as predictions: rectangles of the
  /// control `label` on the image `image`, with what is wrong as the region's text.
  ///
  /// - Parameter imageNames: The file or address of each image by its id.
  /// - Throws: Nothing but what writing JSON throws.
  public func labelStudioTasks(imageNames: [Int: String]) throws -> String {
    let tasks = imagesInOrder.map { image, findings in
      LabelStudioTask(
        data: .init(image: imageNames[image] ?? "\(image)", imageID: image),
        predictions: [
          .init(
            modelVersion: "bags", score: findings.compactMap(\.score).max() ?? 1,
            result: findings.enumerated().map { LabelStudioTask.Region($1, id: "\(image)-\($0 + 1)") })
        ])
    }
    return try JSONDocument.text(tasks) + "\n"
  }

  /// A `labels.json` of FiftyOne's `FiftyOneImageDetectionDataset`: by the image's file without its ending, the likely
  /// errors with boxes as shares of the image.
  ///
  /// - Parameter imageNames: The file or address of each image by its id.
  /// - Throws: Nothing but what writing JSON throws.
  public func fiftyOneLabels(imageNames: [Int: String]) throws -> String {
    var labels: [String: [FiftyOneLabel]] = [:]
    for (image, findings) in imagesInOrder {
      let file = (imageNames[image] ?? "\(image)").split(separator: "/").last.map(String.init) ?? "\(image)"
      let stem = file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
      labels[stem, default: []] += findings.map(FiftyOneLabel.init)
    }
    return try JSONDocument.text(["labels": labels]) + "\n"
  }

  /// The findings image by image, in the order in which images appear first.
  private var imagesInOrder: [(image: Int, findings: [Finding])] {
    var places: [Int: Int] = [:]
    var images: [(image: Int, findings: [Finding])] = []
    for finding in findings {
      if let place = places[finding.imageID] {
        images[place].findings.append(finding)
      } else {
        places[finding.imageID] = images.count
        images.append((finding.imageID, [finding]))
      }
    }
    return images
  }
}

extension LabelErrors.Finding {
  /// What is wrong, in a line.
  public var remark: String {
    switch kind {
    case .missing: "\(category.name) is missing"
    case .contradicted: "\(category.name) is perhaps \(suggestion.name)"
    case .duplicate:
      category == suggestion ? "\(category.name) twice" : "\(category.name) is also called \(suggestion.name)"
    }
  }

  /// The box as shares of the image; `nil` where the image's size is not known.
  fileprivate var boxShares: [Double]? {
    guard imageSize.count == 2, imageSize[0] > 0, imageSize[1] > 0 else { return nil }
    return box.enumerated().map { $1 / Double(imageSize[$0 % 2]) }
  }
}

/// A task of Label Studio.
private struct LabelStudioTask: Encodable {
  struct ImageData: Encodable {
    let image: String
    let imageID: Int
    enum CodingKeys: String, CodingKey {
      case image
      case imageID = "imageId"
    }
  }
  struct Prediction: Encodable {
    let modelVersion: String
    let score: Double
    let result: [Region]
  }
  struct Region: Encodable {
    struct Value: Encodable {
      let x, y, width, height: Double
      let rotation = 0
      let rectanglelabels: [String]
    }
    struct Meta: Encodable { let text: [String] }
    let id: String
    let type = "rectanglelabels"
    let fromName = "label"
    let toName = "image"
    let originalWidth: Int
    let originalHeight: Int
    let imageRotation = 0
    let score: Double?
    let value: Value
    let meta: Meta

    init(_ finding: LabelErrors.Finding, id: String) {
      self.id = id
      (originalWidth, originalHeight) = (finding.imageSize[0], finding.imageSize[1])
      score = finding.score
      // Per cent of the image, cut off at its edges: label-studio-sdk refuses what is not within 0...100. All of the image
      // where its size is not known.
      let box = finding.boxShares?.map { 100 * $0 } ?? [0, 0, 100, 100]
      let (left, top) = (min(max(box[0], 0), 100), min(max(box[1], 0), 100))
      value = Value(
        x: left, y: top, width: min(max(box[0] + box[2], left), 100) - left,
        height: min(max(box[1] + box[3], top), 100) - top, rectanglelabels: [finding.suggestion.name])
      meta = Meta(text: ["\(finding.kind.rawValue): \(finding.remark)"])
    }
  }
  let data: ImageData
  let predictions: [Prediction]
}

/// A detection of FiftyOne.
private struct FiftyOneLabel: Encodable {
  struct Attributes: Encodable {
    let kind: String
    let annotated: String
    let annotationID: Int?
    let remark: String
    enum CodingKeys: String, CodingKey {
      case kind, annotated, remark
      case annotationID = "annotationId"
    }
  }
  let label: String
  let boundingBox: [Double]
  let confidence: Double?
  let attributes: Attributes

  init(_ finding: LabelErrors.Finding) {
    label = finding.suggestion.name
    boundingBox = finding.boxShares ?? [0, 0, 1, 1]
    confidence = finding.score
    attributes = Attributes(
      kind: finding.kind.rawValue, annotated: finding.category.name, annotationID: finding.annotationID,
      remark: finding.remark)
  }
}
