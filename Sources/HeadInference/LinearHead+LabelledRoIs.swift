import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import LVISDatasets

extension DataFinding.Code {
  /// A head that calls few objects by their name.
  public static let headDisagrees = Self(rawValue: "head-disagrees")
}

extension RoISource {
  /// The rows and class indices of all foreground examples, image after image.
  fileprivate var foreground: [(row: Int, label: Int)] {
    if let anchors = self as? any AnchorSource {
      return (0..<imageCount).flatMap { image in
        let first = rows(ofImage: image).lowerBound
        return anchors.labelledAnchors(ofImage: image).compactMap { anchor in
          anchor.label >= 0 ? (row: first + Int(anchor.place), label: Int(anchor.label)) : nil
        }
      }
    }
    return (0..<imageCount).flatMap { image in
      rows(ofImage: image).compactMap { row in
        let label = Int(classIndex(ofRow: row))
        return label >= 0 ? (row: row, label: label) : nil
      }
    }
  }
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
    let foreground = source.foreground
    let step = max(1, foreground.count / max(1, limit))
    let examples = stride(from: 0, to: foreground.count, by: step).map { foreground[$0] }
    var right = 0
    for (row, label) in examples {
      let scores = try scores(ofRow: row, in: source)
      if scores.indices.max(by: { (scores[$0], -$0) < (scores[$1], -$1) }) == label { right += 1 }
    }
    return (examples.count, right)
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
    var examples = [[(row: Int, label: Int)]](repeating: [], count: groups.groupCount)
    for example in source.foreground { examples[groups.members[example.label].group].append(example) }
    return try examples.map { examples in
      guard !examples.isEmpty else { return nil }
      let chosen = stride(from: 0, to: examples.count, by: max(1, examples.count / max(1, limit))).map { examples[$0] }
      let sum = try chosen.reduce(0.0) { sum, example in
        sum - log(Double(max(1e-6, try scores(ofRow: example.row, in: source)[example.label])))
      }
      return sum / Double(chosen.count)
    }
  }

  /// The scores of the classes for one example: of an anchor, those by its own classifier.
  private func scores(ofRow row: Int, in source: some RoISource) throws -> [Float] {
    var features = Matrix<Float>(rows: 1, columns: inputs)
    try features.withUnsafeMutableValues { values in
      guard let values = values.baseAddress else { return }
      try source.copyFeatures(rows: row..<row + 1, into: values)
    }
    let scores = scores(for: features)
    return Array(scores.row(row % (layout.anchorsPerLocation ?? 1)))
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
