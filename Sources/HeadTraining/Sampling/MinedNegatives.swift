import DenseLinearAlgebra
import DetectionHeads
import FeatureSets

/// Offline hard-negative mining (Sung and Poggio 1998; Felzenszwalb et al. 2010, §4.4, as the survey texts tell it): a
/// detector is trained, the training set is scored with it, background that it takes for an object is added to the
/// negatives, and the detector is trained again.
///
/// The negatives are a pool that does not change during training: of each image a random draw, and the false positives
/// of the head that was trained before. It depends on the seed, that head and the RoIs alone, so a run that goes on
/// makes the same pool again. There is no official code; this is our reading.
public struct MinedNegatives: RoISelector {
  /// For every row of the source, whether it is a negative of the pool.
  private let isInPool: [Bool]
  /// The number of false positives in the pool.
  public let minedCount: Int

  /// The selector looks at nothing but labels.
  public var needs: RoISelectionNeeds { [] }

  /// Scores the training set.
  ///
  /// - Parameters:
  ///   - source: The RoIs that are trained on.
  ///   - scorer: The head that was trained before.
  ///   - threshold: Background is a false positive where a class scores at least this.
  ///   - negativesPerPositive: The size of the random draw for each foreground RoI of an image, one at least being
  ///     counted.
  ///   - generator: For the draw.
  /// - Throws: What the source throws; `LinearHeadError` if the head takes other features.
  public init(
    source: any RoISource, scorer: some RoIScorer, threshold: Float = 0.5, negativesPerPositive: Double = 3,
    using generator: inout SeededGenerator
  ) throws {
    guard scorer.inputs == source.featureCount else {
      throw LinearHeadError(
        .wrongShape, "the mining head takes \(scorer.inputs) features, the RoIs have \(source.featureCount)")
    }
    let rowCount = source.imageCount > 0 ? source.rows(ofImage: source.imageCount - 1).upperBound : 0
    var isInPool = [Bool](repeating: false, count: rowCount)
    var minedCount = 0
    for image in 0..<source.imageCount {
      let rows = source.rows(ofImage: image)
      let labels = rows.map { source.classIndex(ofRow: $0) }
      let batch = RoIBatch(labels: labels, images: [0..<rows.count])
      let (positives, negatives) = batch.indices(ofImage: 0..<rows.count)
      let wanted = negativesPerPositive * Double(max(1, positives.count))
      let count = wanted < Double(negatives.count) ? Int(wanted) : negatives.count
      for index in drawn(count, of: negatives, using: &generator) { isInPool[rows.lowerBound + Int(index)] = true }
      let best = try bestScores(of: rows, source: source, scorer: scorer)
      for index in negatives where best[Int(index)] >= threshold {
        isInPool[rows.lowerBound + Int(index)] = true
        minedCount += 1
      }
    }
    self.isInPool = isInPool
    self.minedCount = minedCount
  }

  /// Foreground, and the negatives of the pool.
  public func select(from batch: RoIBatch, using generator: inout SeededGenerator) -> [Int32] {
    batch.labels.indices.filter { batch.labels[$0] >= 0 || isInPool[batch.rows[$0]] }.map { Int32($0) }
  }
}

/// The best foreground score of adjacent RoIs.
private func bestScores(of rows: Range<Int>, source: any RoISource, scorer: some RoIScorer) throws -> [Float] {
  let classCount = scorer.classCount
  var features = [Float](repeating: 0, count: rows.count * source.featureCount)
  var scratch = [Float](repeating: 0, count: rows.count * scorer.scratchCount)
  var scores = [Float](repeating: 0, count: rows.count * classCount)
  if rows.isEmpty { return [] }
  try features.withUnsafeMutableBufferPointer { buffer in
    if let base = buffer.baseAddress { try source.copyFeatures(rows: rows, into: base) }
  }
  scorer.score(features: features, count: rows.count, scratch: &scratch, into: &scores)
  return (0..<rows.count).map { scores[$0 * classCount..<($0 + 1) * classCount].max() ?? 0 }
}
