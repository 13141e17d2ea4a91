import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import LVISDatasets

extension DataFinding.Code {
  /// A head that calls few objects by their name.
  public static let headDisagrees = Self(rawValue: "head-disagrees")
}

extension LinearHead {
  /// How often the class that scores best is the label, over foreground RoIs.
  ///
  /// - Parameters:
  ///   - source: RoIs with the D features that the head takes, and labels of its classes.
  ///   - limit: The most RoIs to look at, spread evenly.
  /// - Returns: The RoIs looked at, and those that the head is right about.
  /// - Throws: `FeatureSetError` if a feature is not finite.
  /// - Precondition: The source has the features that the head takes.
  public func agreement(with source: some RoISource, limit: Int = 2000) throws -> (count: Int, right: Int) {
    let foreground = (0..<source.imageCount).flatMap { image in
      source.rows(ofImage: image).filter { source.classIndex(ofRow: $0) >= 0 }
    }
    let step = max(1, foreground.count / max(1, limit))
    let rows = stride(from: 0, to: foreground.count, by: step).map { foreground[$0] }
    var right = 0
    var features = Matrix<Float>(rows: 1, columns: inputs)
    for row in rows {
      try features.withUnsafeMutableValues { values in
        guard let values = values.baseAddress else { return }
        try source.copyFeatures(rows: row..<row + 1, into: values)
      }
      let scores = scores(for: features)
      var best = 0
      for index in 0..<scores.columns where scores[0, index] > scores[0, best] { best = index }
      if best == Int(source.classIndex(ofRow: row)) { right += 1 }
    }
    return (rows.count, right)
  }

  /// What the head's scores of labelled RoIs show: an order of classes that is not that of the labels.
  ///
  /// - Parameter source: RoIs with the D features that the head takes, and labels of its classes.
  /// - Throws: `FeatureSetError` if a feature is not finite.
  /// - Precondition: The source has the features that the head takes.
  public func findings(on source: some RoISource) throws -> [DataFinding] {
    let (count, right) = try agreement(with: source)
    guard count >= 20, groups.classCount >= 4, 4 * right < count else { return [] }
    return [
      DataFinding(
        .headDisagrees, count: count - right,
        "the head is right about \(right) of \(count) foreground RoIs that were looked at",
        remedy: "is the order of its classes that of ascending category ids, and are the features of the same layer?")
    ]
  }
}
