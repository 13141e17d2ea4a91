import FeatureSets

/// The RoIs of the batch that comes next, and the epoch.
public struct BatchContext {
  /// The epoch of the batch, from 0.
  public let epoch: Int
  /// The RoIs of the batch.
  public let rois: RoIBatch
  /// The source that the RoIs come from, which has their other columns.
  public let source: any RoISource

  /// Describes a batch by its epoch, its RoIs and the source that they come from.
  public init(epoch: Int, rois: RoIBatch, source: any RoISource) {
    self.epoch = epoch
    self.rois = rois
    self.source = source
  }

  /// A number for every RoI that RoIs matched to the same ground truth share: those of one image with the same label and
  /// the same ground-truth box. Where the source has no such boxes, every RoI has a number of its own.
  ///
  /// - Throws: What the source throws.
  public func instances() throws -> [Int32] {
    var numbers: [Int32] = []
    var next: Int32 = 0
    for indices in rois.images {
      guard let rows = rois.rowSpan(of: indices), let boxes = try source.values(.groundTruthBoxes, rows: rows) else {
        for _ in indices {
          numbers.append(next)
          next += 1
        }
        continue
      }
      var known: [Match: Int32] = [:]
      for index in indices {
        let position = 4 * (rois.rows[index] - rows.lowerBound)
        let box = SIMD4(boxes[position], boxes[position + 1], boxes[position + 2], boxes[position + 3])
        let match = Match(label: rois.labels[index], box: box)
        if known[match] == nil {
          known[match] = next
          next += 1
        }
        numbers.append(known[match] ?? 0)
      }
    }
    return numbers
  }

  private struct Match: Hashable {
    let label: Int32
    let box: SIMD4<Float>
  }
}
