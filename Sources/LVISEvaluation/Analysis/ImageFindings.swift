/// The errors and hits among the detections and objects of some images.
struct ImageFindings: Sendable {
  /// A detection that counts, or one that would if an error were mended.
  struct Record: Sendable {
    var score: Double
    /// The image's place.
    var image: Int32
    /// Its position among the image's detections, the best first.
    var order: Int32
    /// The class that it predicts.
    var category: Int32
    /// The class for which it is a true positive once its error is mended; −1 for none.
    var mendedCategory: Int32
    /// `nil` for a true positive.
    var kind: ErrorBreakdown.Kind?
    /// Whether it is right or wrong by the rules of the evaluation; else they ignore it.
    var counts: Bool
  }

  var records: [Record] = []
  /// Errors by kind, then category: of the object where the error is about one, else of the detection.
  private(set) var counts: [Int]
  /// The same, of detections that the rules ignore.
  private(set) var ignoredCounts: [Int]
  /// For every object, image by image, the place of the class of the best detection on it: −1 for none, −2 for an object
  /// that does not count.
  var calledAs: [Int32] = []
  private let categoryCount: Int

  init(categoryCount: Int) {
    self.categoryCount = categoryCount
    counts = [Int](repeating: 0, count: categoryCount * ErrorBreakdown.Kind.allCases.count)
    ignoredCounts = counts
  }

  /// Counts an error.
  mutating func count(_ kind: ErrorBreakdown.Kind, _ category: Int32, isIgnored: Bool = false) {
    let cell = kind.place * categoryCount + Int(category)
    if isIgnored { ignoredCounts[cell] += 1 } else { counts[cell] += 1 }
  }

  /// The errors of a kind by category.
  func counts(of kind: ErrorBreakdown.Kind) -> ArraySlice<Int> { counts[cells(of: kind)] }
  /// The same, of detections that the rules ignore.
  func ignoredCounts(of kind: ErrorBreakdown.Kind) -> ArraySlice<Int> { ignoredCounts[cells(of: kind)] }

  private func cells(of kind: ErrorBreakdown.Kind) -> Range<Int> {
    (kind.place * categoryCount)..<((kind.place + 1) * categoryCount)
  }

  /// Takes over what was found in later images.
  mutating func add(_ other: ImageFindings) {
    records += other.records
    calledAs += other.calledAs
    for cell in counts.indices {
      counts[cell] += other.counts[cell]
      ignoredCounts[cell] += other.ignoredCounts[cell]
    }
  }
}

extension ImageFindings.Record {
  /// The order in which detections are accumulated: that of `Verdict.precedes`.
  static func precedes(_ a: Self, _ b: Self) -> Bool {
    if a.score != b.score { return a.score > b.score }
    return a.image != b.image ? a.image < b.image : a.order < b.order
  }
}
