/// A precision-recall curve as JSON: `classes`, or `id` and `name` of a class, `iou`, `classCount`, `precision`.
public struct CurveReport: Encodable {
  /// `all`, `r`, `G1`...; left out for a class.
  private let classes: String?
  private let id: Int?
  private let name: String?
  /// Left out for the mean over all thresholds.
  private let iou: Double?
  private let classCount: Int
  /// At recall 0, .01, … 1.
  private let precision: [Double]

  /// Makes the report of a curve.
  ///
  /// - Parameters:
  ///   - curve: The curve.
  ///   - names: What the categories are called, by id.
  public init(_ curve: PrecisionRecallCurve, names: [Int: String]) {
    switch curve.subject {
    case .split(let split): (classes, id, name) = ("\(split)", nil, nil)
    case .category(let category): (classes, id, name) = (nil, category, names[category])
    }
    iou = curve.threshold
    classCount = curve.classCount
    precision = curve.precisions
  }
}
