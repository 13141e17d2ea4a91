extension LVISDataset {
  /// All that makes labels or scores from these annotations worthless or odd: what reading found, and what their boxes,
  /// areas and masks show.
  ///
  /// - Returns: The findings, in an order that does not change.
  /// - Complexity: O(n) in the annotations.
  public func findings() -> [DataFinding] { warnings + contentFindings() }

  /// What boxes, areas and masks show, beside what reading found.
  package func contentFindings() -> [DataFinding] {
    guard !annotations.isEmpty else {
      return [
        DataFinding(
          .noAnnotations, count: 0, "holds no annotations, so nothing can be scored or trained on",
          remedy: "is it the image list of a test split?", file: path)
      ]
    }
    let index = imageIndex()
    var boxes = BoxCensus()
    var withoutArea = 0
    var firstWithoutArea: Int?
    // Plain numbers: an image's lists would be retained for every annotation.
    let sizes = images.map { (width: Double($0.width), height: Double($0.height)) }
    for (element, annotation) in annotations.enumerated() {
      let size = index.position(of: annotation.imageID).map { sizes[$0] }
      boxes.add(annotation.box, imageWidth: size?.width ?? 0, imageHeight: size?.height ?? 0, element: element)
      if !(annotation.area > 0), annotation.box.width > 0, annotation.box.height > 0 {
        withoutArea += 1
        firstWithoutArea = firstWithoutArea ?? element
      }
    }
    boxes.forgive(warnings.first { $0.code == .annotationsWithoutBox }?.count ?? 0)
    var findings = boxes.findings(noun: "annotation", list: "annotations")
    if let element = firstWithoutArea {
      findings.append(
        DataFinding(
          .areasOfZero, count: withoutArea,
          "\(share(withoutArea, of: annotations.count, "annotation")) \(withoutArea == 1 ? "has" : "have") an area of 0 "
            + "or less, though \(withoutArea == 1 ? "its box has" : "their boxes have") one",
          example: "annotations[\(element)].area: \(annotations[element].area)",
          remedy: "LVIS's rules leave them out, as the reference does; write the masks' areas, or leave the field out"))
    }
    if let segmentations, segmentations.count == annotations.count {
      var masks = MaskSizeCensus()
      masks.add(segmentations, first: 0, list: "annotations") { element in
        let id = annotations[element].imageID
        let image = index.position(of: id).map { images[$0] }
        return (id, image?.height ?? 0, image?.width ?? 0)
      }
      findings += masks.findings
    }
    return findings.map { $0.inFile(path) }
  }
}
