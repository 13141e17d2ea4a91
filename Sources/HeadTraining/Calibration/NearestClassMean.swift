import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

/// The mean feature of every class: what NCM compares features with (Kang et al., ICLR 2020, §3.2, `get_centroids`; BAGS
/// `DCM.py`).
///
/// - Parameters:
///   - source: The training RoIs; the official code takes ground-truth boxes alone, here every foreground RoI counts.
///   - classCount: C.
/// - Returns: The means [C, D], zeros for a class without RoI, and how many RoIs each class has.
/// - Throws: `FeatureSetError` for a label that is none of the classes; what the source throws.
public func classMeans(
  of source: any RoISource, classCount: Int
) throws -> (means: Matrix<Double>, roiCounts: [Int]) {
  try source.checkClasses(lessThan: classCount)
  let width = source.featureCount
  var means = Matrix<Double>(rows: classCount, columns: width)
  var counts = [Int](repeating: 0, count: classCount)
  let buffer = ScratchBuffer()
  for image in 0..<source.imageCount {
    let rows = source.rows(ofImage: image)
    guard rows.contains(where: { source.classIndex(ofRow: $0) >= 0 }) else { continue }
    let features = buffer.floats(rows.count * width)
    try source.copyFeatures(rows: rows, into: features)
    means.withUnsafeMutableValues { means in
      for row in rows {
        let label = Int(source.classIndex(ofRow: row))
        guard label >= 0 else { continue }
        counts[label] += 1
        let x = features + (row - rows.lowerBound) * width
        for column in 0..<width { means[label * width + column] += Double(x[column]) }
      }
    }
  }
  for index in 0..<classCount where counts[index] > 0 {
    for column in 0..<width { means[index, column] /= Double(counts[index]) }
  }
  return (means, counts)
}

extension LinearHead {
  /// The head with its classes told apart by the cosine to their mean feature: (1 − p_bg) · softmax of the cosines, p_bg
  /// being its own (BAGS `DCM.py`).
  ///
  /// It keeps its C + 1 rows for p_bg and gets C more for the means, so it is no ordinary softmax layer any more. A class
  /// without training RoI has no mean and scores 0.
  ///
  /// - Parameter source: The training RoIs.
  /// - Throws: `LinearHeadError` if it is no softmax head, or there is no foreground RoI; what the source throws.
  public func nearestClassMean(of source: any RoISource) throws -> LinearHead {
    guard layout is SoftmaxLayout else {
      throw LinearHeadError("NCM takes p_bg from a softmax head; a \(layout.name) head has no such probability")
    }
    guard source.featureCount == inputs else {
      throw LinearHeadError("it takes \(inputs) features, the RoIs have \(source.featureCount)")
    }
    let (means, counts) = try classMeans(of: source, classCount: groups.classCount)
    let norms = means.rowNorms
    guard norms.contains(where: { $0 > 0 }) else {
      throw LinearHeadError("there is no foreground RoI to take class means from")
    }
    let unit = (0..<means.rows).flatMap { row in
      means.row(row).map { Float(norms[row] > 0 ? $0 / norms[row] : 0) }
    }
    return try LinearHead(
      weight: Matrix(rows: weight.rows + means.rows, columns: inputs, values: weight.storage + unit),
      bias: bias + Array(repeating: 0, count: means.rows),
      layout: NearestClassMeanLayout(hasMean: zip(counts, norms).map { $0 > 0 && $1 > 0 }), groups: groups,
      method: method)
  }
}

extension CalibrationMethod {
  /// NCM.
  public static let nearestClassMean = CalibrationMethod(
    name: "ncm", summary: "classes told apart by the cosine to their mean feature, background as before",
    source: "Kang et al., ICLR 2020; Li et al., CVPR 2020", needsFeatures: true,
    work: .formula { head, _, source in
      guard let source else { throw TrainingRecipeError("ncm needs the training RoIs") }
      return try head.nearestClassMean(of: source)
    })
}
