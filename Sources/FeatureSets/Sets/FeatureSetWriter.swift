import DurableFiles
import Foundation
import TensorFiles

/// The RoIs of one image, to be written to a feature set.
///
/// Legend: N RoIs of the image, D features, C classes. Arrays are row-major.
public struct ImageRoIs: Sendable {
  /// The image's id.
  public var imageID: Int
  /// The input of the classifier, [N, D].
  public var features: [Float]
  /// Proposals, [N, 4]: x1, y1, x2, y2 in absolute pixels.
  public var boxes: [Float]
  /// Category ids, [N]; −1 is background.
  public var labels: [Int]?
  /// The other columns by name, such as `.boxDeltas` [N, 4].
  public var columns: [FeatureColumn: [Float]]

  /// Gathers what is known of an image's RoIs.
  public init(
    imageID: Int, features: [Float], boxes: [Float], labels: [Int]? = nil, columns: [FeatureColumn: [Float]] = [:]
  ) {
    self.imageID = imageID
    self.features = features
    self.boxes = boxes
    self.labels = labels
    self.columns = columns
  }

  fileprivate func values(_ column: FeatureColumn) -> [Float]? {
    switch column {
    case .features: features
    case .boxes: boxes
    default: columns[column]
    }
  }
}

/// Writes a feature set image by image, as shards of bounded size.
///
/// The features are stored in a type of choice, all else as F32 and I64. A shard is on the disk once it is full, the
/// last one after `finish()`; no more than one is held in memory.
public final class FeatureSetWriter {
  private let folder: String
  private let featureCount: Int
  private let elementType: TensorElementType
  private let rowsPerShard: Int
  private let metadata: [String: String]
  /// The columns beside features and boxes, fixed by the first image.
  private var layout: (hasLabels: Bool, widths: [FeatureColumn: Int])?
  private var shardCount = 0
  private var imageIDs: [Int64] = []
  private var labels: [Int64] = []
  private var columns: [FeatureColumn: [Float]] = [:]

  /// Makes the folder where it does not exist.
  ///
  /// - Parameters:
  ///   - folder: Where the shards go.
  ///   - featureCount: D.
  ///   - elementType: What the features are stored as: F16, BF16 or F32.
  ///   - shardByteCount: About how large the features of a shard get.
  ///   - metadata: Texts to keep in every shard.
  /// - Throws: `FeatureSetError` if the folder holds shards already, which would mix with the new ones, or is none;
  ///   Foundation's error if it cannot be made.
  public init(
    at folder: String, featureCount: Int, elementType: TensorElementType = .float16, shardByteCount: Int = 1 << 28,
    metadata: [String: String] = [:]
  ) throws {
    func fault(_ detail: String) -> FeatureSetError {
      FeatureSetError(path: folder, code: .writing, detail: detail)
    }
    guard featureCount > 0, [.float16, .bfloat16, .float32].contains(elementType) else {
      throw fault("features are rows of one or more numbers, stored as F16, BF16 or F32")
    }
    try makeFolder(at: folder)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    if names.contains(where: { name in [".safetensors", ".npz", ".npy"].contains { name.hasSuffix($0) } }) {
      throw fault("holds shards already; remove them or choose another folder")
    }
    self.folder = folder
    self.featureCount = featureCount
    self.elementType = elementType
    self.metadata = metadata
    rowsPerShard = max(1, shardByteCount / elementType.byteCount / featureCount)
  }

  /// Adds the RoIs of an image.
  ///
  /// - Parameter rois: Of an image whose id is not below the last one's; every image has the same columns.
  /// - Throws: `FeatureSetError` if sizes do not match or ids do not ascend; `FileError`.
  public func append(_ rois: ImageRoIs) throws {
    try check(rois)
    imageIDs += repeatElement(Int64(rois.imageID), count: rois.boxes.count / 4)
    labels += (rois.labels ?? []).map(Int64.init)
    for column in FeatureColumn.allCases {
      if let values = rois.values(column) { columns[column, default: []] += values }
    }
    if imageIDs.count >= rowsPerShard { try writeShard() }
  }

  /// Writes the last shard.
  ///
  /// - Throws: `FileError`.
  public func finish() throws {
    if !imageIDs.isEmpty { try writeShard() }
  }

  private func check(_ rois: ImageRoIs) throws {
    func fault(_ tensor: String, _ detail: String) -> FeatureSetError {
      FeatureSetError(path: folder, tensor: tensor, code: .writing, detail: "image \(rois.imageID): \(detail)")
    }
    if let last = imageIDs.last ?? lastWrittenID, rois.imageID < last {
      throw fault("image_ids", "stands behind image \(last), ids must ascend")
    }
    let count = rois.boxes.count / 4
    guard rois.boxes.count == 4 * count else { throw fault("boxes", "\(rois.boxes.count) numbers are no rows of 4") }
    guard rois.features.count == count * featureCount else {
      throw fault("features", "\(rois.features.count) numbers are no \(count) rows of \(featureCount)")
    }
    if let labels = rois.labels, labels.count != count {
      throw fault("labels", "\(labels.count) labels for \(count) RoIs")
    }
    guard count > 0 else { return }
    var widths: [FeatureColumn: Int] = [:]
    for column in FeatureColumn.allCases {
      guard let values = rois.values(column) else { continue }
      let (width, rest) = values.count.quotientAndRemainder(dividingBy: count)
      guard rest == 0, width > 0 else { throw fault(column.rawValue, "\(values.count) numbers for \(count) RoIs") }
      widths[column] = width
    }
    let layout = layout ?? (rois.labels != nil, widths)
    self.layout = layout
    guard layout.hasLabels == (rois.labels != nil) else { throw fault("labels", "every image has them or none") }
    for column in FeatureColumn.allCases where layout.widths[column] != widths[column] {
      throw fault(column.rawValue, "every image has it, with as many numbers a RoI, or none")
    }
  }

  private var lastWrittenID: Int64?

  private func writeShard() throws {
    let count = imageIDs.count
    var tensors = [NamedTensor("image_ids", integers: imageIDs, shape: [count])]
    if layout?.hasLabels == true { tensors.append(NamedTensor("labels", integers: labels, shape: [count])) }
    for (column, values) in columns {
      let width = layout?.widths[column] ?? 1
      let isScalar = column == .ious || column == .objectness
      tensors.append(
        NamedTensor(
          column.rawValue, floats: values, shape: isScalar ? [count] : [count, width],
          as: column == .features ? elementType : .float32))
    }
    let name = "shard-\(String(repeating: "0", count: max(0, 5 - "\(shardCount)".count)))\(shardCount).safetensors"
    try writeSafetensors(tensors, metadata: metadata, to: (folder as NSString).appendingPathComponent(name))
    shardCount += 1
    lastWrittenID = imageIDs.last
    imageIDs.removeAll(keepingCapacity: true)
    labels.removeAll(keepingCapacity: true)
    for column in columns.keys { columns[column]?.removeAll(keepingCapacity: true) }
  }
}
