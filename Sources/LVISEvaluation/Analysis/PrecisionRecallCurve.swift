import LVISDatasets

/// Precision over recall: of one class, of the classes of one frequency or group, or of all.
public struct PrecisionRecallCurve: Sendable, Equatable {
  /// The classes, or the one class, that a curve is about.
  public enum Subject: Sendable, Equatable {
    /// The mean of those classes that have objects.
    case split(ClassSplit)
    /// One class, by its category id.
    case category(id: Int, name: String)
  }

  /// The classes, or the one class, that the curve is about.
  public let subject: Subject
  /// The IoU threshold; `nil` for the mean over all.
  public let threshold: Double?
  /// The number of classes that the curve is the mean of.
  public let classCount: Int
  /// Precision at recall 0, .01, ... 1: the highest at that recall or a higher one, 0 where none is so high. Their mean
  /// is the AP.
  public let precisions: [Double]

  /// Makes a curve.
  ///
  /// - Parameters:
  ///   - subject: The classes, or the one class, that the curve is about.
  ///   - threshold: The IoU threshold; `nil` for the mean over all thresholds.
  ///   - classCount: The number of classes that it is the mean of.
  ///   - precisions: The precision at recall 0, .01, … 1.
  public init(subject: Subject, threshold: Double?, classCount: Int, precisions: [Double]) {
    self.subject = subject
    self.threshold = threshold
    self.classCount = classCount
    self.precisions = precisions
  }

  /// Recall 0, .01, ... 1.
  public static var recalls: [Double] { Accumulation.recallPoints }
}

/// In JSON, `classes`, or `id` and `name` of a class; `iou`, left out for the mean over all thresholds; `class_count`;
/// `precision`.
extension PrecisionRecallCurve: Codable {
  private enum CodingKeys: CodingKey { case classes, id, name, iou, classCount, precision }

  /// Reads a curve.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let split = try container.decodeIfPresent(ClassSplit.self, forKey: .classes) {
      subject = .split(split)
    } else {
      subject = .category(
        id: try container.decode(Int.self, forKey: .id),
        name: try container.decodeIfPresent(String.self, forKey: .name) ?? "")
    }
    threshold = try container.decodeIfPresent(Double.self, forKey: .iou)
    classCount = try container.decode(Int.self, forKey: .classCount)
    precisions = try container.decode([Double].self, forKey: .precision)
  }

  /// Writes a curve.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch subject {
    case .split(let split): try container.encode(split, forKey: .classes)
    case .category(let id, let name):
      try container.encode(id, forKey: .id)
      try container.encode(name, forKey: .name)
    }
    try container.encodeIfPresent(threshold, forKey: .iou)
    try container.encode(classCount, forKey: .classCount)
    try container.encode(precisions, forKey: .precision)
  }
}

extension EvaluationResult {
  /// The curves of all classes together, of each frequency and group, and of each class that has objects.
  ///
  /// - Parameters:
  ///   - thresholds: IoU thresholds, each a curve of its own; those that were not evaluated are left out. The mean over
  ///     all thresholds always comes first.
  ///   - includingClasses: Whether to add every class.
  /// - Returns: Nothing unless the options said `keepsCurves`.
  public func curves(at thresholds: [Double] = [0.5, 0.75], includingClasses: Bool = true) -> [PrecisionRecallCurve] {
    let levels: [Int?] = [nil] + thresholds.compactMap(iouThresholds.firstIndex)
    func curves(_ subject: PrecisionRecallCurve.Subject, _ rows: [ClassResult]) -> [PrecisionRecallCurve] {
      guard !rows.isEmpty else { return [] }
      return levels.map { level in
        PrecisionRecallCurve(
          subject: subject, threshold: level.map { iouThresholds[$0] }, classCount: rows.count,
          precisions: mean(rows.map { row in level.map { row.curves[$0] } ?? mean(row.curves) }))
      }
    }
    let measured = classes.indices.filter { !classes[$0].curves.isEmpty }
    let ofSplits = splits.splits.enumerated().flatMap { row, split in
      curves(.split(split), measured.filter { splits.contains($0, inRow: row) }.map { classes[$0] })
    }
    guard includingClasses else { return ofSplits }
    return ofSplits + measured.flatMap { curves(.category(id: classes[$0].id, name: classes[$0].name), [classes[$0]]) }
  }
}

/// The mean of rows of one length.
private func mean(_ rows: [[Double]]) -> [Double] {
  guard var sums = rows.first else { return [] }
  for row in rows.dropFirst() { for (index, value) in row.enumerated() { sums[index] += value } }
  return sums.map { $0 / Double(rows.count) }
}
