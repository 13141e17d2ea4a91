extension DataFinding.Code {
  /// Categories without a single annotation.
  public static let emptyCategories = Self(rawValue: "empty-categories")
  /// Images without a single annotation.
  public static let imagesWithoutAnnotations = Self(rawValue: "images-without-annotations")
  /// Category ids that do not follow one another.
  public static let categoryIDGaps = Self(rawValue: "category-id-gaps")
  /// A category with id 0.
  public static let categoryZero = Self(rawValue: "category-zero")
  /// Categories of one name.
  public static let repeatedNames = Self(rawValue: "repeated-names")
  /// Objects of one image and category with the same box.
  public static let repeatedBoxes = Self(rawValue: "repeated-boxes")
  /// Boxes less than a pixel wide or high.
  public static let tinyBoxes = Self(rawValue: "tiny-boxes")
  /// Categories whose stated counts are not those of their annotations.
  public static let statedCounts = Self(rawValue: "stated-counts")
  /// Annotations of crowds.
  public static let crowds = Self(rawValue: "crowds")
}

extension LVISDataset {
  /// All that can be said about these annotations: `findings()`, and what is only worth a look, such as categories
  /// without objects, gaps between ids, and boxes that stand twice.
  ///
  /// - Returns: The findings, in an order that does not change.
  /// - Complexity: O(n) in the annotations, with memory for each of them.
  public func inspection() -> [DataFinding] { findings() + structureFindings() }

  /// What only `inspection()` says.
  package func structureFindings() -> [DataFinding] {
    let found = categoryFindings() + (annotations.isEmpty ? [] : objectFindings())
    return found.map { $0.inFile(path) }
  }

  private func categoryFindings() -> [DataFinding] {
    var findings: [DataFinding] = []
    let ids = categories.map(\.id)
    if let first = ids.first, let last = ids.last {
      let missing = zip(ids, ids.dropFirst()).filter { UInt(bitPattern: $1 &- $0) > 1 }
      if let gap = missing.first {
        let (span, overflow) = last.subtractingReportingOverflow(first)
        findings.append(
          DataFinding(
            .categoryIDGaps, .note, count: overflow ? missing.count : span + 1 - ids.count,
            "the ids of the \(ids.count) categories, \(first)–\(last), have gaps",
            example: "\(gap.0) is followed by \(gap.1)",
            remedy: "a detector's class index is a place in the list, not an id: labels and results need the ids"))
      }
    }
    if let zero = categories.first(where: { $0.id == 0 }) {
      findings.append(
        DataFinding(
          .categoryZero, .note, count: 1, "category 0 is a class here (\(zero.name))",
          remedy: "a RoI labelled 0 is an object of it; background is −1"))
    }
    let byName = Dictionary(grouping: categories, by: \.name).filter { $0.value.count > 1 }
    if let (name, twins) = byName.min(by: { $0.value[0].id < $1.value[0].id }) {
      findings.append(
        DataFinding(
          .repeatedNames, count: byName.values.reduce(0) { $0 + $1.count },
          "\(counted(byName.count, "name stands", "names stand")) for several categories",
          example: "“\(name)”: ids \(listed(twins.map(\.id)))",
          remedy: "are they the same class? Each is trained and scored by itself"))
    }
    guard !annotations.isEmpty, let counts = try? categoryCounts(from: .annotations) else { return findings }
    let empty = counts.filter { $0.instances == 0 }
    if let first = empty.first {
      findings.append(
        DataFinding(
          .emptyCategories, .note, count: empty.count,
          "\(share(empty.count, of: counts.count, "category", "categories")) \(empty.count == 1 ? "has" : "have") no "
            + "object", example: "category \(first.id) (\(first.name))",
          remedy: "they are in G1, and nothing is learned or scored of them"))
    }
    let disagreeing = categoriesThatStateOtherCounts(than: counts)
    if !disagreeing.isEmpty {
      var finding = DataFinding.statedCounts(categoryIDs: disagreeing, of: categories.count, counted: .annotations)
      if 2 * disagreeing.count > categories.count {
        finding.severity = .note
        finding.remedy = "are the counts those of the training split, as validation files often have them?"
      }
      findings.append(finding)
    }
    return findings
  }

  private func objectFindings() -> [DataFinding] {
    struct PlacedBox: Hashable {
      var image: Int
      var category: Int
      var box: BoundingBox
    }
    let index = imageIndex()
    var isAnnotated = [Bool](repeating: false, count: images.count)
    var seen: Set<PlacedBox> = []
    seen.reserveCapacity(annotations.count)
    var repeated = (count: 0, first: 0)
    var tiny = (count: 0, first: 0)
    var crowdCount = 0
    for (element, annotation) in annotations.enumerated() {
      if let position = index.position(of: annotation.imageID) { isAnnotated[position] = true }
      if annotation.isCrowd { crowdCount += 1 }
      let box = annotation.box
      guard box.width > 0, box.height > 0 else { continue }
      if min(box.width, box.height) < 1, box.x + box.width > 1 || box.y + box.height > 1 {
        if tiny.count == 0 { tiny.first = element }
        tiny.count += 1
      }
      let placed = PlacedBox(image: annotation.imageID, category: annotation.categoryID, box: box)
      if !seen.insert(placed).inserted {
        if repeated.count == 0 { repeated.first = element }
        repeated.count += 1
      }
    }
    var findings: [DataFinding] = []
    let bare = isAnnotated.count { !$0 }
    if let first = isAnnotated.firstIndex(of: false) {
      findings.append(
        DataFinding(
          .imagesWithoutAnnotations, 2 * bare >= images.count ? .warning : .note, count: bare,
          "\(share(bare, of: images.count, "image")) \(bare == 1 ? "has" : "have") no annotation",
          example: "image \(images[first].id)",
          remedy: "all that is found there is background; is a part of the annotations missing?"))
    }
    if repeated.count > 0 {
      let annotation = annotations[repeated.first]
      findings.append(
        DataFinding(
          .repeatedBoxes, .init(share: repeated.count, of: annotations.count), count: repeated.count,
          "\(share(repeated.count, of: annotations.count, "annotation")) "
            + "\(repeated.count == 1 ? "repeats a box" : "repeat boxes") of its image and category",
          example: "annotations[\(repeated.first)]: category \(annotation.categoryID) in image \(annotation.imageID)",
          remedy: "one detection matches one of them: the others count as missed; remove them"))
    }
    if tiny.count > 0 {
      let box = annotations[tiny.first].box
      findings.append(
        DataFinding(
          .tinyBoxes, .init(share: tiny.count, of: annotations.count), count: tiny.count,
          "\(share(tiny.count, of: annotations.count, "annotation")) \(tiny.count == 1 ? "has" : "have") a box less "
            + "than a pixel wide or high", example: "annotations[\(tiny.first)]: \(box.width) × \(box.height)",
          remedy: "no proposal overlaps such a box enough to be trained on"))
    }
    if crowdCount > 0 {
      findings.append(
        DataFinding(
          .crowds, .note, count: crowdCount,
          "\(share(crowdCount, of: annotations.count, "annotation")) \(crowdCount == 1 ? "is a crowd" : "are crowds"), "
            + "which are not counted, and no RoI is labelled by"))
    }
    return findings
  }
}

extension DataFinding {
  /// Categories whose `instance_count` is not the number of their annotations.
  ///
  /// - Parameters:
  ///   - ids: Their ids, ascending.
  ///   - all: The number of categories.
  ///   - source: Which of the two was taken.
  package static func statedCounts(categoryIDs ids: [Int], of all: Int, counted source: CountsSource) -> Self {
    let other = source == .annotations ? CountsSource.categories : .annotations
    return Self(
      .statedCounts, count: ids.count,
      "instance_count differs from the number of annotations for \(ids.count) of \(all) categories (ids \(listed(ids))); "
        + "the \(source.rawValue) were counted",
      remedy: "counting the \(other.rawValue) decides otherwise")
  }
}
