import LVISDatasets

extension DataFinding.Code {
  /// A set whose RoIs are all background.
  public static let noForeground = Self(rawValue: "no-foreground")
  /// RoIs of which none overlaps an annotation.
  public static let noOverlap = Self(rawValue: "no-overlap")
  /// RoIs labelled as a category of which no object is near.
  public static let labelsAstray = Self(rawValue: "labels-astray")
  /// RoI boxes within 0...1.
  public static let roisAsFractions = Self(rawValue: "rois-as-fractions")
  /// RoI boxes that reach far beyond their image.
  public static let roisBeyondImage = Self(rawValue: "rois-beyond-image")
  /// RoI boxes without area.
  public static let emptyRoIs = Self(rawValue: "empty-rois")
  /// RoIs of one image with the same box.
  public static let repeatedRoIs = Self(rawValue: "repeated-rois")
  /// RoIs of images that the annotations do not list.
  public static let roisOfUnknownImages = Self(rawValue: "rois-of-unknown-images")
  /// Annotated images without a RoI.
  public static let imagesWithoutRoIs = Self(rawValue: "images-without-rois")
}

extension RoICensus {
  /// How few RoIs say nothing about a whole set.
  private static let fewest = 20

  /// What is odd about where the RoIs lie. The cause of RoIs that overlap nothing is not said twice.
  ///
  /// - Parameter isBlocking: Whether wrong boxes make what is done with the set worthless.
  func placeFindings(isBlocking: Bool) -> [DataFinding] {
    let overlap = overlapFindings(isBlocking: isBlocking)
    let boxes = boxFindings(isBlocking: isBlocking)
    return overlap + boxes.filter { overlap.isEmpty || ![.roisAsFractions, .roisBeyondImage].contains($0.code) }
  }

  /// What is odd about the boxes alone.
  ///
  /// - Parameter isBlocking: Whether wrong boxes make what is done with the set worthless.
  private func boxFindings(isBlocking: Bool) -> [DataFinding] {
    func finding(
      _ code: DataFinding.Code, _ severity: DataFinding.Severity, _ tally: Tally, of all: Int, _ what: String,
      _ remedy: String
    ) -> DataFinding {
      DataFinding(
        code, severity, count: tally.count,
        "\(share(tally.count, of: all, "RoI")) \(tally.count == 1 ? "has" : "have") \(what)", example: example(tally),
        remedy: remedy)
    }
    var findings: [DataFinding] = []
    if fractions.count > 0 {
      findings.append(
        finding(
          .roisAsFractions,
          isBlocking && fractions.count == sizedCount && sizedCount >= Self.fewest
            ? .error : .init(share: fractions.count, of: sizedCount), fractions, of: sizedCount,
          "a box within 0 and 1",
          "are they fractions of the image's width and height? boxes are x1, y1, x2, y2 in pixels of the original image"
        ))
    }
    if 20 * beyond.count >= sizedCount, beyond.count > 0, sizedCount >= Self.fewest {
      let times = (10 * reach).rounded() / 10
      findings.append(
        finding(
          .roisBeyondImage, .warning, beyond, of: sizedCount,
          "a box that reaches beyond \(beyond.count == 1 ? "its image" : "their images"), up to \(times) times the size",
          "are the boxes in pixels of a resized image, or x, y, width, height? They are x1, y1, x2, y2 in pixels of the "
            + "original"))
    }
    if empty.count > 0 {
      findings.append(
        finding(
          .emptyRoIs, .init(share: empty.count, of: count), empty, of: count, "a box without area",
          "are they padding? Leave such rows out"))
    }
    if 100 * repeated.count >= count, repeated.count > 0 {
      findings.append(
        finding(
          .repeatedRoIs, 10 * repeated.count >= count ? .warning : .note, repeated, of: count,
          "the box of another RoI of \(repeated.count == 1 ? "its image" : "their images")",
          "are images padded to one number of RoIs, or shards exported twice? Leave repeated rows out"))
    }
    return findings
  }

  /// What is odd about RoIs beside the objects.
  ///
  /// - Parameter isBlocking: Whether boxes that overlap nothing make what is done with the set worthless.
  private func overlapFindings(isBlocking: Bool) -> [DataFinding] {
    guard besideObjects >= Self.fewest, overlapping == 0 else { return [] }
    return [
      DataFinding(
        .noOverlap, isBlocking ? .error : .warning, count: besideObjects,
        "none of \(besideObjects) RoIs overlaps an annotation from IoU .5 on (the best overlap is "
          + "\(hundredths(bestOverlap)))",
        example: beyond.first == nil && fractions.first == nil
          ? nil : example(beyond.first == nil ? fractions : beyond),
        remedy: boxRemedy)
    ]
  }

  /// What the labels of a set say that the annotations do not.
  var labelFindings: [DataFinding] {
    guard astray.count > 0, labelled >= Self.fewest, overlapping > 0, 100 * astray.count >= labelled else { return [] }
    let isFromZero = 5 * rightFromZero >= 4 * astray.count
    let severity: DataFinding.Severity =
      2 * astray.count >= labelled ? .error : 20 * astray.count >= labelled ? .warning : .note
    var worst = 0
    for (index, count) in astrayByClass.enumerated() where count > astrayByClass[worst] { worst = index }
    let other = onOtherClass.max { ($0.value, $1.key.x, $1.key.y) < ($1.value, $0.key.x, $0.key.y) }
    let remedy: String
    if isFromZero {
      remedy =
        "do the labels count from 0" + (categoryIDs[worst] == categoryIDs.count ? " with background last" : "")
        + "? They must be category ids, background −1"
    } else if let other, 2 * onOtherClass.values.reduce(0, +) >= astray.count {
      remedy =
        "\(other.value) labelled \(categoryIDs[Int(other.key.x)]) lie on objects of \(categoryIDs[Int(other.key.y)]): is "
        + "the order of the detector's classes another than that of the category ids?"
    } else {
      remedy = "are the labels category ids of these annotations, and the image ids theirs?"
    }
    return [
      DataFinding(
        .labelsAstray, severity, count: astray.count,
        "\(share(astray.count, of: labelled, "RoI")) labelled as \(labelled == 1 ? "an object overlaps" : "objects overlap") no "
          + "annotation of the category: \(astrayByClass[worst]) \(astrayByClass[worst] == 1 ? "is" : "are") labelled "
          + "\(categoryIDs[worst]), but overlap no annotation of \(categoryIDs[worst])",
        example: example(astray), remedy: remedy)
    ]
  }

  private var boxRemedy: String {
    if 2 * fractions.count >= sizedCount, fractions.count > 0 {
      return "are the boxes fractions of the image's width and height? They must be x1, y1, x2, y2 in pixels of the "
        + "original image"
    }
    return 20 * beyond.count >= sizedCount && beyond.count > 0
      ? "boxes reach to \((10 * reach).rounded() / 10) times the images' size: are they in pixels of a resized image? "
        + "They must be x1, y1, x2, y2 in pixels of the original image"
      : "are the boxes x1, y1, x2, y2 in pixels of the original image, and the image ids those of these annotations?"
  }

  private func example(_ tally: Tally) -> String? {
    tally.first.map { image, row, box in
      "row \(row), image \(image): [\((0..<4).map { hundredths(Double(box[$0])) }.joined(separator: ", "))]"
    }
  }
}

/// A number to two decimals; whole ones without a point.
private func hundredths(_ number: Double) -> String {
  let rounded = (number * 100).rounded() / 100
  return Int(exactly: rounded).map { "\($0)" } ?? "\(rounded)"
}
