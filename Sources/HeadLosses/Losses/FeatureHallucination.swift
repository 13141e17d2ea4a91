import DenseLinearAlgebra
import RealModule

/// A Gaussian of the features of every class, from which BACL draws features of classes that are often mistaken (Qi et al.
/// 2023; Tianhao-Qi/BACL `fhm_convfc_bbox_head.py`).
///
/// Shapes: C classes, D features. A class's mean and variance are those of its first batch, then running ones.
public struct FeatureGaussians: Sendable, Equatable {
  /// How much of a batch's mean and variance goes into the running ones.
  public var decay = 0.1
  /// The means [C, D]; empty before the first batch.
  public private(set) var means: [Double] = []
  /// The variances [C, D], of n − 1 for n features; those of a single feature are 0.
  public private(set) var variances: [Double] = []
  /// Whether a class has had a feature, 1 or 0 [C].
  public private(set) var isKnown: [Double]

  /// Starts from nothing.
  public init(classCount: Int) { isKnown = Array(repeating: 0, count: classCount) }

  /// The number C of classes.
  public var classCount: Int { isKnown.count }
  /// D; 0 before the first batch.
  public var width: Int { means.count / max(1, classCount) }

  /// Takes in the features of a batch.
  ///
  /// - Parameters:
  ///   - features: [labels.count, width].
  ///   - width: D, the same in every call.
  ///   - labels: Class indices, −1 for background, whose rows are passed over.
  public mutating func add<Scalar: DenseScalar>(features: UnsafePointer<Scalar>, width: Int, labels: [Int32]) {
    if means.isEmpty {
      means = Array(repeating: 0, count: classCount * width)
      variances = means
    }
    var rowsOfClass: [Int: [Int]] = [:]
    for (row, label) in labels.enumerated() where label >= 0 { rowsOfClass[Int(label), default: []].append(row) }
    for (label, rows) in rowsOfClass {
      let share = isKnown[label] > 0 ? decay : 1
      let count = Double(rows.count)
      for column in 0..<width {
        let mean = rows.reduce(0) { $0 + Double(features[$1 * width + column]) } / count
        let sum = rows.reduce(0) { sum, row in
          let difference = Double(features[row * width + column]) - mean
          return sum + difference * difference
        }
        let place = label * width + column
        means[place] += share * (mean - means[place])
        variances[place] += share * (sum / max(1, count - 1) - variances[place])
      }
      isKnown[label] = 1
    }
  }

  /// A feature of a class.
  ///
  /// - Parameters:
  ///   - label: The class.
  ///   - normals: D standard normal numbers.
  public func feature(of label: Int, normals: [Double]) -> [Double] {
    let start = label * width
    return normals.indices.map { means[start + $0] + variances[start + $0].squareRoot() * normals[$0] }
  }

  /// Goes on from what was learnt.
  mutating func restore(means: [Double], variances: [Double], isKnown: [Double]) {
    (self.means, self.variances, self.isKnown) = (means, variances, isKnown)
  }
}

/// The classes that numbers from 0 to 1 fall on when each class has a share in proportion to 1 − its accuracy (BACL
/// `sampling_classes`): a class may be drawn several times.
///
/// - Parameters:
///   - accuracies: M_cc of every class.
///   - numbers: From 0 to 1, in any order.
/// - Returns: As many class indices at most, ascending: the shares add up to 1 but for rounding. None if every class is
///   always right.
public func mistakenClasses(accuracies: [Double], numbers: [Double]) -> [Int] {
  let total = accuracies.reduce(0) { $0 + 1 - $1 }
  guard total > 0 else { return [] }
  var rest = numbers.sorted()[...]
  var (classes, reached): ([Int], Double) = ([], 0)
  for (index, accuracy) in accuracies.enumerated() {
    reached += (1 - accuracy) / total
    while let number = rest.first, number <= reached {
      classes.append(index)
      rest.removeFirst()
    }
  }
  return classes
}
