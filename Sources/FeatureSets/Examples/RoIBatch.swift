import LVISDatasets

/// The RoIs of a batch, as a selector sees them. N RoIs, those of an image adjacent.
public struct RoIBatch: Sendable {
  /// The class index of every RoI, or −1 for background [N].
  public var labels: [Int32]
  /// The indices of each image's RoIs in the batch.
  public var images: [Range<Int>]
  /// The row of every RoI in the source [N].
  public var rows: [Int]
  /// The proposals [N]; empty unless asked for.
  public var boxes: [CornerBox] = []
  /// The classification loss of every RoI [N]; empty unless asked for.
  public var classLosses: [Float] = []
  /// The box loss of every RoI [N], 0 for background; empty unless asked for, or where there is none.
  public var boxLosses: [Float] = []
  /// The share of the training that is done, 0..<1.
  public var progress = 0.0

  /// Makes a batch of images.
  ///
  /// - Parameters:
  ///   - labels: The class index of every RoI, or −1 for background.
  ///   - images: The indices of each image's RoIs.
  ///   - rows: The row of every RoI in the source; its index in the batch unless given.
  public init(labels: [Int32], images: [Range<Int>], rows: [Int]? = nil) {
    self.labels = labels
    self.images = images
    self.rows = rows ?? Array(labels.indices)
  }

  /// Makes a batch of all RoIs of some images of a source.
  ///
  /// - Parameters:
  ///   - images: The rows of each image, in the order of the batch.
  ///   - source: Gives their labels.
  public init(images: [Range<Int>], of source: any RoISource) {
    var start = 0
    self.init(
      labels: images.flatMap { $0.map { source.classIndex(ofRow: $0) } },
      images: images.map { rows in
        defer { start += rows.count }
        return start..<start + rows.count
      }, rows: images.flatMap { $0 })
  }

  /// Keeps some of the RoIs.
  ///
  /// - Parameter indices: Ascending.
  package mutating func keep(_ indices: [Int32]) {
    var next = 0
    images = images.map { image in
      let first = next
      while next < indices.count && Int(indices[next]) < image.upperBound { next += 1 }
      return first..<next
    }
    labels = indices.map { labels[Int($0)] }
    rows = indices.map { rows[Int($0)] }
    boxes = []
    classLosses = []
    boxLosses = []
  }

  /// The rows of the source from the first to the last of an image's RoIs; `nil` where it has none.
  package func rowSpan(of indices: Range<Int>) -> Range<Int>? {
    guard let first = indices.first, let last = indices.last else { return nil }
    return rows[first]..<rows[last] + 1
  }

  /// The indices of an image's foreground and background RoIs.
  package func indices(ofImage indices: Range<Int>) -> (positives: [Int32], negatives: [Int32]) {
    var (positives, negatives): ([Int32], [Int32]) = ([], [])
    for index in indices {
      if labels[index] >= 0 { positives.append(Int32(index)) } else { negatives.append(Int32(index)) }
    }
    return (positives, negatives)
  }
}
