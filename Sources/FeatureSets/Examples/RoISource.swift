import LVISDatasets

/// Where training reads its RoIs from: a feature set on disk, or arrays.
///
/// RoIs are rows 0..<roiCount, those of an image adjacent.
public protocol RoISource: Sendable {
  /// D, the length of a feature.
  var featureCount: Int { get }
  /// S, the stages of a cascade that there are features of; 1 for one set of features.
  var stageCount: Int { get }
  /// The number of images.
  var imageCount: Int { get }
  /// The rows of an image, by its position among the images.
  func rows(ofImage index: Int) -> Range<Int>
  /// The class index of a row's label, or −1 for background.
  func classIndex(ofRow row: Int) -> Int32
  /// The same for a stage of a cascade, from 0.
  func classIndex(ofRow row: Int, stage: Int) -> Int32
  /// Copies the features of adjacent rows, [rows.count, D], widened to Float.
  func copyFeatures(rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws

  /// The size of all features as stored.
  var featureByteCount: Int { get }
  /// Says that rows will be copied soon.
  func prefetch(rows: Range<Int>)
  /// Lets go of the memory that reading has taken.
  func releasePages()
  /// Another column of adjacent rows, [rows.count × width]; `nil` where the source does not have it.
  func values(_ column: FeatureColumn, rows: Range<Int>) throws -> [Float]?
  /// The training annotations, of all training images; `nil` where there are none.
  var annotations: LVISDataset? { get }
}

extension RoISource {
  /// One stage.
  public var stageCount: Int { 1 }
  /// N, the number of rows of all images.
  public var roiCount: Int { imageCount > 0 ? rows(ofImage: imageCount - 1).upperBound : 0 }
  /// All stages share the labels.
  public func classIndex(ofRow row: Int, stage: Int) -> Int32 { classIndex(ofRow: row) }
  /// Of single-precision features.
  public var featureByteCount: Int {
    imageCount > 0 ? rows(ofImage: imageCount - 1).upperBound * featureCount * MemoryLayout<Float>.size : 0
  }
  /// Nothing to do for features in memory.
  public func prefetch(rows: Range<Int>) {}
  /// Nothing to do for features in memory.
  public func releasePages() {}
  /// There are none.
  public var annotations: LVISDataset? { nil }
  /// It has no other columns.
  public func values(_ column: FeatureColumn, rows: Range<Int>) throws -> [Float]? { nil }

  /// Checks every label once, so that the products and losses behind need not.
  ///
  /// - Parameters:
  ///   - classCount: C.
  ///   - stageCount: The stages of a cascade, each of which may have labels of its own.
  /// - Throws: `FeatureSetError` for a label that is neither −1, background, nor one of 0..<C.
  package func checkClasses(lessThan classCount: Int, stageCount: Int = 1) throws {
    for image in 0..<imageCount {
      for row in rows(ofImage: image) {
        for stage in 0..<stageCount {
          let label = classIndex(ofRow: row, stage: stage)
          guard (-1..<classCount).contains(Int(label)) else {
            throw FeatureSetError(
              path: "the examples", tensor: "labels", row: row, code: .label,
              detail: "class index \(label) is none of the \(classCount) classes that are trained")
          }
        }
      }
    }
  }

  /// A column of the first RoI; `nil` where there is no such column.
  package func first(_ column: FeatureColumn) throws -> [Float]? {
    guard let image = (0..<imageCount).first(where: { !rows(ofImage: $0).isEmpty }) else { return nil }
    let row = rows(ofImage: image).lowerBound
    return try values(column, rows: row..<row + 1)
  }
}

/// RoIs in memory.
public struct RoIArrays: RoISource {
  /// [N, D] row after row.
  public let features: [Float]
  /// D.
  public let featureCount: Int
  /// The class index of every RoI, or −1 for background.
  public let labels: [Int32]
  /// Other columns, each [N × width] row after row.
  public var columns: [FeatureColumn: [Float]] = [:]
  /// The annotations that the RoIs are of.
  public var annotations: LVISDataset?
  private let imageRows: [Range<Int>]

  /// Makes a source from arrays.
  ///
  /// - Parameters:
  ///   - features: [N, D] row after row.
  ///   - featureCount: D.
  ///   - labels: The class index of every RoI, or −1 for background.
  ///   - roisPerImage: The number of RoIs of every image, N in all.
  public init(features: [Float], featureCount: Int, labels: [Int32], roisPerImage: [Int]) {
    precondition(
      featureCount >= 0 && roisPerImage.allSatisfy { $0 >= 0 } && roisPerImage.reduce(0, +) == labels.count
        && features.count == labels.count * featureCount,
      "\(features.count) numbers are not \(featureCount) features of each of \(labels.count) labelled RoIs, or the "
        + "RoIs of the images are not as many")
    self.features = features
    self.featureCount = featureCount
    self.labels = labels
    var start = 0
    imageRows = roisPerImage.map { count in
      defer { start += count }
      return start..<start + count
    }
  }

  /// The number of images.
  public var imageCount: Int { imageRows.count }
  /// The rows of an image.
  public func rows(ofImage index: Int) -> Range<Int> { imageRows[index] }
  /// The label of a row.
  public func classIndex(ofRow row: Int) -> Int32 { labels[row] }
  /// Copies the features of adjacent rows.
  public func copyFeatures(rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) {
    features.withUnsafeBufferPointer { features in
      guard let base = features.baseAddress else { return }
      destination.update(from: base + rows.lowerBound * featureCount, count: rows.count * featureCount)
    }
  }
  /// A column of adjacent rows.
  public func values(_ column: FeatureColumn, rows: Range<Int>) -> [Float]? {
    guard let values = columns[column], !labels.isEmpty else { return nil }
    let width = values.count / labels.count
    return Array(values[rows.lowerBound * width..<rows.upperBound * width])
  }
}
