import DenseLinearAlgebra
import DetectionHeads
import DurableFiles
import FeatureSets
import Foundation
import LVISDatasets

/// A pass over a feature set that scores every class of every example, whatever their boxes: what inference is where the
/// examples are whole images.
///
/// Legend: N examples, C classes by ascending category id.
public struct ClassScorePass: Sendable {
  /// The set whose examples are scored; each has as many features as the scorer takes.
  public let features: FeatureSet
  private let scorer: any RoIScorer
  private let threads: Int

  /// The class scores of adjacent examples.
  public struct Scores: Sendable {
    /// The image of each example.
    public let imageIDs: [Int]
    /// The scores, [imageIDs.count × C].
    public let values: [Float]
  }

  /// Checks that features and scorer fit together.
  ///
  /// - Parameters:
  ///   - features: The examples.
  ///   - scorer: The classifier.
  ///   - threads: The threads to work on; the result does not depend on them.
  /// - Throws: `FeatureSetError` if the features are not as many as the scorer takes.
  public init(features: FeatureSet, scorer: any RoIScorer, threads: Int = DefaultThreads.count) throws {
    if let head = scorer as? LinearHead, head.layout.anchorsPerLocation != nil {
      throw FeatureSetError(
        path: features.path, tensor: FeatureColumn.features.rawValue, code: .shape,
        detail: "the head is a dense one, for feature maps; these are \(features.kind.plural)")
    }
    guard features.featureCount == scorer.inputs else {
      throw FeatureSetError(
        path: features.path, tensor: FeatureColumn.features.rawValue, code: .shape,
        detail: "\(features.featureCount) features an example, the head takes \(scorer.inputs)")
    }
    (self.features, self.scorer, self.threads) = (features, scorer, threads)
  }

  /// Goes through the examples on all threads.
  ///
  /// - Parameters:
  ///   - transform: Turns scores into what is wanted of them; on several threads at once.
  ///   - deliver: Takes the results, in the order of the rows.
  /// - Throws: `FeatureSetError` where a feature is not finite; what the closures throw.
  public func forEachBlock<Result: Sendable>(
    _ transform: @Sendable (Scores) throws -> Result, deliver: (Result) throws -> Void
  ) throws {
    let blocks = features.images.flatMap { image in pieces(of: image.rows, size: 256).map { (image.id, $0) } }
    let chunks = Self.chunks(of: blocks.map(\.1.count))
    try inOrder(
      count: chunks.count, threads: threads, makeWorker: { (ScratchBuffer(), ScratchBuffer()) },
      work: { buffers, chunk in
        let rows = blocks[chunks[chunk]].flatMap { Array($0.1) }
        let input = buffers.0.floats(rows.count * scorer.inputs)
        try features.copyFeatures(rows: rows, into: input)
        let scratch = buffers.1.floats(rows.count * scorer.scratchCount)
        let values = [Float](unsafeUninitializedCapacity: rows.count * scorer.classCount) { values, count in
          if let values = values.baseAddress {
            scorer.score(features: input, count: rows.count, scratch: scratch, into: values)
          }
          count = rows.count * scorer.classCount
        }
        return try transform(
          Scores(
            imageIDs: blocks[chunks[chunk]].flatMap { [Int](repeating: $0.0, count: $0.1.count) }, values: values))
      }, deliver: deliver)
  }

  /// Consecutive blocks with 256 rows or more together: images have an example each, as a rule, and a product takes many.
  private static func chunks(of counts: [Int]) -> [Range<Int>] {
    var chunks: [Range<Int>] = []
    var (start, rows) = (0, 0)
    for (index, count) in counts.enumerated() {
      rows += count
      if rows >= 256 || index == counts.count - 1 {
        chunks.append(start..<index + 1)
        (start, rows) = (index + 1, 0)
      }
    }
    return chunks
  }

  /// Writes the scores of all examples: as CSV where the path ends in `.csv`, else as JSON. ``ClassPredictions`` reads
  /// both.
  ///
  /// CSV has a line for each example, `image_id` and the scores, below a line with `image_id` and the category ids. JSON is
  /// `{"category_ids": [...], "images": [{"image_id": 1, "scores": [...]}, ...]}`. Numbers have as few digits as give the
  /// same single-precision number when read.
  ///
  /// - Parameters:
  ///   - path: The file; nothing stands there before all is written.
  ///   - categoryIDs: The category of each class.
  /// - Throws: `FeatureSetError` where a feature is not finite; `FileError`.
  public func write(to path: String, categoryIDs: [Int]) throws {
    let file = try DurableFile(at: path)
    let isCSV = path.lowercased().hasSuffix(".csv")
    let ids = categoryIDs.map(\.description).joined(separator: ",")
    try file.write(isCSV ? "image_id,\(ids)\n" : "{\"category_ids\":[\(ids)],\n\"images\":[")
    let classCount = scorer.classCount
    var isFirst = true
    try forEachBlock { block in
      var lines: [String] = []
      for (place, imageID) in block.imageIDs.enumerated() {
        let scores = block.values[place * classCount..<(place + 1) * classCount].map(\.description)
          .joined(separator: ",")
        lines.append(isCSV ? "\(imageID),\(scores)\n" : "{\"image_id\":\(imageID),\"scores\":[\(scores)]}")
      }
      return lines
    } deliver: { lines in
      if isCSV {
        try file.write(lines.joined())
      } else if !lines.isEmpty {
        try file.write((isFirst ? "\n" : ",\n") + lines.joined(separator: ",\n"))
      }
      isFirst = false
    }
    if !isCSV { try file.write("\n]}\n") }
    try file.commit()
  }
}
