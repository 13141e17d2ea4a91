import LVISDatasets

/// The RoIs of a training, with their features and labels: a feature set on disk, or arrays in memory.
///
/// RoIs are rows 0..<roiCount, those of an image adjacent.
public protocol RoISource: Sendable {
  /// The length D of a RoI's features, S · D for S stages.
  var featureCount: Int { get }
  /// The number S of stages of a cascade that there are features of; 1 unless a source says otherwise.
  var stageCount: Int { get }
  /// The shape of a RoI's pooled map, whose C · H · W numbers are its features; `nil` unless a source says otherwise.
  var pooledShape: PooledShape? { get }
  /// The number of images.
  var imageCount: Int { get }
  /// The rows of an image's RoIs, by the position of the image among the source's.
  func rows(ofImage index: Int) -> Range<Int>
  /// The class index of a row's label, or −1 for background.
  func classIndex(ofRow row: Int) -> Int32
  /// The class index of a row's label at a stage of a cascade, from 0; that of `classIndex(ofRow:)` unless a source
  /// says otherwise.
  func classIndex(ofRow row: Int, stage: Int) -> Int32
  /// Copies the features of adjacent rows, [rows.count, D], widened to `Float`; called on several threads at once.
  func copyFeatures(rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws

  /// The size of all features as they are stored, in bytes.
  var featureByteCount: Int { get }
  /// Tells the source that the features of rows will be copied soon; nothing happens unless a source says otherwise.
  func prefetch(rows: Range<Int>)
  /// Gives back the memory that reading has taken; nothing happens unless a source says otherwise.
  func releasePages()
  /// A column of adjacent rows beside the features, [rows.count × width]; `nil`, unless a source says otherwise, where
  /// it does not have the column.
  func values(_ column: FeatureColumn, rows: Range<Int>) throws -> [Float]?
  /// The training annotations, of all training images; `nil` where there are none.
  var annotations: LVISDataset? { get }
}

extension RoISource {
  /// One stage, as of detectors without a cascade.
  public var stageCount: Int { 1 }
  /// No pooled maps, `nil`.
  public var pooledShape: PooledShape? { nil }
  /// The number N of RoIs of all images.
  public var roiCount: Int { imageCount > 0 ? rows(ofImage: imageCount - 1).upperBound : 0 }
  /// The label of the row, which all stages share.
  public func classIndex(ofRow row: Int, stage: Int) -> Int32 { classIndex(ofRow: row) }
  /// The size of the features in single precision, in bytes.
  public var featureByteCount: Int {
    imageCount > 0 ? rows(ofImage: imageCount - 1).upperBound * featureCount * MemoryLayout<Float>.size : 0
  }
  /// Does nothing, since features in memory need no reading.
  public func prefetch(rows: Range<Int>) {}
  /// Does nothing, since features in memory stay there.
  public func releasePages() {}
  /// No annotations, `nil`.
  public var annotations: LVISDataset? { nil }
  /// No other columns, `nil`.
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

/// RoIs in memory, with their features and labels.
public struct RoIArrays: RoISource {
  /// The features [N, D], row after row.
  public let features: [Float]
  /// The length D of a RoI's features.
  public let featureCount: Int
  /// The class index of every RoI, or −1 for background [N].
  public let labels: [Int32]
  /// Other columns, each [N × width], row after row; none by default.
  public var columns: [FeatureColumn: [Float]] = [:]
  /// The shape of each RoI's pooled map, of D numbers; `nil` by default, for vectors.
  public var pooledShape: PooledShape? {
    didSet {
      precondition(
        (pooledShape?.count ?? featureCount) == featureCount, "maps of other sizes than \(featureCount) numbers")
    }
  }
  /// The annotations that the RoIs are of; `nil` by default.
  public var annotations: LVISDataset?
  private let imageRows: [Range<Int>]

  /// Makes a source from arrays.
  ///
  /// - Parameters:
  ///   - features: The features [N, D], row after row.
  ///   - featureCount: The length D of a RoI's features.
  ///   - labels: The class index of every RoI, or −1 for background [N].
  ///   - roisPerImage: The number of RoIs of every image, N in all.
  /// - Precondition: There are N labels and N · D features.
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
  /// Copies the features of adjacent rows, [rows.count, D].
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
