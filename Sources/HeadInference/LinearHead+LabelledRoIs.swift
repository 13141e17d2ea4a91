import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
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

  /// How well the head scores what it was trained on: for every foreground group the mean of −log of the score that
  /// labelled RoIs of its classes give their own class, scores below 1e-6 counting as that.
  ///
  /// - Parameters:
  ///   - source: RoIs with the D features that the head takes, and labels of its classes.
  ///   - groups: The groups.
  ///   - limit: The most RoIs of a group to look at, spread evenly.
  /// - Returns: By group; `nil` for a group without RoIs.
  /// - Throws: `FeatureSetError` if a feature is not finite.
  /// - Precondition: The source has the features that the head takes.
  public func meanNegativeLogScores(
    of source: some RoISource, byGroupsOf groups: CategoryGroups, limit: Int = 2000
  ) throws -> [Double?] {
    var rows = [[Int]](repeating: [], count: groups.groupCount)
    for image in 0..<source.imageCount {
      for row in source.rows(ofImage: image) {
        let index = Int(source.classIndex(ofRow: row))
        if index >= 0 { rows[groups.members[index].group].append(row) }
      }
    }
    var features = Matrix<Float>(rows: 1, columns: inputs)
    return try rows.map { rows in
      guard !rows.isEmpty else { return nil }
      let chosen = stride(from: 0, to: rows.count, by: max(1, rows.count / max(1, limit))).map { rows[$0] }
      let sum = try chosen.reduce(0.0) { sum, row in
        try features.withUnsafeMutableValues { values in
          guard let values = values.baseAddress else { return }
          try source.copyFeatures(rows: row..<row + 1, into: values)
        }
        return sum - log(Double(max(1e-6, scores(for: features)[0, Int(source.classIndex(ofRow: row))])))
      }
      return sum / Double(chosen.count)
    }
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
