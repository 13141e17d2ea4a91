import LVISDatasets

/// How much of a feature set is held against the annotations.
public struct RoISampling: Sendable {
  /// The most images, spread evenly over the set; `nil` for all.
  public var imageLimit: Int?
  /// The most RoIs of an image, foreground before background; `nil` for all.
  public var roiLimit: Int?

  /// Makes a sampling.
  public init(imageLimit: Int?, roiLimit: Int?) {
    self.imageLimit = imageLimit
    self.roiLimit = roiLimit
  }

  /// 256 images with up to 32 RoIs each: enough to tell a fault of the whole set, in milliseconds.
  public static let quick = RoISampling(imageLimit: 256, roiLimit: 32)
  /// Every RoI of every image is looked at.
  public static let all = RoISampling(imageLimit: nil, roiLimit: nil)
}

extension FeatureSet {
  /// What is wrong with boxes and image ids beside the annotations: boxes in another scale, RoIs of other images.
  ///
  /// - Parameters:
  ///   - dataset: The annotations of the same images.
  ///   - sampling: How much to look at.
  /// - Returns: The findings; none where nothing is odd. Counts are of the sample.
  /// - Throws: `FeatureSetError` if a box is not finite.
  public func findings(against dataset: LVISDataset, sampling: RoISampling = .quick) throws -> [DataFinding] {
    let census = try census(labels: nil, dataset, sampling)
    return (imageFindings(dataset) + census.placeFindings(isBlocking: true)).map { $0.inFile(path) }
  }

  /// Looks at a sample of the RoIs.
  func census(labels: RoILabels?, _ dataset: LVISDataset, _ sampling: RoISampling) throws -> RoICensus {
    guard hasBoxes else { return RoICensus(categoryIDs: dataset.categories.map(\.id)) }
    let index = dataset.imageIndex()
    let known = images.filter { index.position(of: $0.id) != nil && !$0.rows.isEmpty }
    let sample = spread(known.count, limit: sampling.imageLimit).map { known[$0] }
    let objects = ObjectsByImage(dataset, imageIDs: sample.map(\.id))
    var census = RoICensus(categoryIDs: dataset.categories.map(\.id))
    for (place, image) in sample.enumerated() {
      guard let position = index.position(of: image.id) else { continue }
      let rows = sampled(image.rows, labels: labels, limit: sampling.roiLimit)
      census.add(
        rows: rows, boxes: try rows.map { try four(.boxes, ofRow: $0, from: 0) },
        classes: labels.map { labels in rows.map { labels.classes[$0] } }, image: dataset.images[position],
        objects: objects.objects(ofImage: place))
    }
    releasePages()
    return census
  }

  /// Rows of an image, spread evenly; foreground before background.
  private func sampled(_ rows: Range<Int>, labels: RoILabels?, limit: Int?) -> [Int] {
    guard let limit, rows.count > limit else { return Array(rows) }
    guard let labels else { return spread(rows.count, limit: limit).map { rows.lowerBound + $0 } }
    let foreground = rows.filter { labels.classes[$0] >= 0 }
    let background = rows.filter { labels.classes[$0] < 0 }
    let taken = spread(foreground.count, limit: limit).map { foreground[$0] }
    return taken + spread(background.count, limit: limit - taken.count).map { background[$0] }
  }

  /// Images that only one side knows.
  func imageFindings(_ dataset: LVISDataset) -> [DataFinding] {
    let index = dataset.imageIndex()
    let unknown = images.filter { index.position(of: $0.id) == nil }
    var findings: [DataFinding] = []
    if let first = unknown.first {
      findings.append(
        DataFinding(
          .roisOfUnknownImages, unknown.count == images.count ? .error : .warning, count: unknown.count,
          "\(share(unknown.count, of: images.count, "image")) with RoIs \(unknown.count == 1 ? "is" : "are") not in the "
            + "annotations", example: "image \(first.id)", remedy: "are they of another split?"))
      if unknown.count == images.count { return findings }
    }
    // Images without objects are often left out on purpose.
    var isMissing = [Bool](repeating: dataset.annotations.isEmpty, count: dataset.images.count)
    for annotation in dataset.annotations {
      if let position = index.position(of: annotation.imageID) { isMissing[position] = true }
    }
    let wanted = isMissing.count { $0 }
    for image in images {
      if let position = index.position(of: image.id) { isMissing[position] = false }
    }
    let bare = isMissing.count { $0 }
    if let first = isMissing.firstIndex(of: true) {
      findings.append(
        DataFinding(
          .imagesWithoutRoIs, .init(share: bare, of: wanted), count: bare,
          "\(share(bare, of: wanted, "annotated image")) \(bare == 1 ? "has" : "have") no RoIs",
          example: "image \(dataset.images[first].id)",
          remedy: "nothing is learned from them, and their objects count as missed; was the export cut short?"))
    }
    return findings
  }
}

extension LabelledFeatureSet {
  /// What is wrong with the set beside its annotations: all background, labels of another numbering, boxes in another
  /// scale, RoIs of other images.
  ///
  /// An error where nothing can be learned from the set as it is; `train`, `compare` and `calibrate` refuse it.
  ///
  /// - Parameters:
  ///   - dataset: The annotations of the same images; `nil` to look at the labels alone.
  ///   - sampling: How much to look at.
  /// - Returns: The findings; none where nothing is odd. Counts of RoIs are of the sample.
  /// - Throws: `FeatureSetError` if a box is not finite.
  public func findings(against dataset: LVISDataset?, sampling: RoISampling = .quick) throws -> [DataFinding] {
    let isBare = foregroundCount == 0
    guard let dataset else { return isBare ? [noForeground()] : [] }
    // Only labels of these classes can be told by their index.
    let areOfDataset = labels.classCount == dataset.categories.count && features.hasLabels
    let census = try features.census(labels: areOfDataset ? labels : nil, dataset, sampling)
    // Labels that the set states serve for training, wherever its boxes lie.
    return findings(of: census, dataset, isBlocking: !features.hasLabels)
  }

  /// - Parameter isBlocking: Whether wrong boxes make what is done with the set worthless.
  func findings(of census: RoICensus, _ dataset: LVISDataset, isBlocking: Bool) -> [DataFinding] {
    let places = census.placeFindings(isBlocking: isBlocking)
    let labels = features.kind == .queries ? census.labelFindings.map(\.ofQueries) : census.labelFindings
    var found = features.imageFindings(dataset) + places + labels
    // Labels by overlap are all background because nothing overlaps: that has been said.
    if foregroundCount == 0, features.hasLabels || !places.contains(where: { $0.code == .noOverlap }) {
      found.append(noForeground(census: census))
    }
    return found.map { $0.inFile(features.path) }
  }

  private func noForeground(census: RoICensus? = nil) -> DataFinding {
    let isUnannotated = census?.besideObjects == 0
    let remedy =
      features.hasLabels
      ? "labels are category ids; −1 is background, and so is 0 where no category has id 0"
      : isUnannotated
        ? "the annotations have no objects in these images; are they of another split?"
        : "are the boxes x1, y1, x2, y2 in pixels of the original image?"
    return DataFinding(
      .noForeground, .error, count: features.roiCount,
      features.hasLabels
        ? "all \(features.roiCount) RoIs are labelled background, so there is nothing to learn"
        : "none of the \(features.roiCount) RoIs overlaps an annotation from IoU .5 on, so there is nothing to learn",
      remedy: remedy, file: features.path)
  }
}

extension DataFinding {
  /// Labels of queries: a matcher gives every object one of them, however far it lies, so that it need not be a fault.
  fileprivate var ofQueries: DataFinding {
    var finding = self
    if severity == .error { finding.severity = .warning }
    finding.remedy = (remedy.map { "\($0) " } ?? "") + "Or has the detector no query near these objects?"
    return finding
  }
}

extension RoISource {
  /// The RoIs labelled as an object, of all images.
  public var foregroundCount: Int {
    (0..<imageCount).reduce(0) { sum, image in sum + rows(ofImage: image).count { classIndex(ofRow: $0) >= 0 } }
  }
}

/// Some of 0..<count, spread evenly; all where they are no more than the limit.
private func spread(_ count: Int, limit: Int?) -> [Int] {
  guard let limit, count > limit else { return Array(0..<count) }
  return (0..<limit).map { $0 * count / limit }
}
