import DenseLinearAlgebra

/// A loss that adds features of its own making to a batch, with the labels that they stand for.
public protocol FeatureAddingObjective: HeadObjective {
  /// Looks at the features of a batch, and makes more.
  ///
  /// - Parameters:
  ///   - features: [labels.count, width], the input of the classifier.
  ///   - width: D.
  ///   - labels: The class index of every example, or −1 for background.
  ///   - generator: For what is drawn at random.
  /// - Returns: More features, row after row, and a label for each row.
  mutating func moreFeatures(
    than features: UnsafePointer<Float>, width: Int, labels: [Int32], using generator: inout SeededGenerator
  ) -> (features: [Float], labels: [Int32])
}

extension HeadObjective {
  /// Lets a ``FeatureAddingObjective`` make more features; none for another.
  package mutating func moreFeaturesIfAny(
    than features: UnsafePointer<Float>, width: Int, labels: [Int32], using generator: inout SeededGenerator
  ) -> (features: [Float], labels: [Int32]) {
    guard var adding = self as? any FeatureAddingObjective else { return ([], []) }
    let added = adding.moreFeatures(than: features, width: width, labels: labels, using: &generator)
    if let adding = adding as? Self { self = adding }
    return added
  }
}
