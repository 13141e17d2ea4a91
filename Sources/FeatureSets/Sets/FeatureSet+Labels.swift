import Dispatch
import LVISDatasets
import Synchronization
import TensorFiles

/// The class of every RoI, as an index among the categories by ascending id.
public struct RoILabels: Sendable, Equatable {
  /// The index −1, which stands for background.
  public static let background: Int32 = -1
  /// The class index of every RoI, 0..<C; −1 for background [N].
  public let classes: [Int32]
  /// The number C of categories.
  public let classCount: Int
  /// The class indices at the second and later stages of a cascade, a list a stage; empty where all stages share
  /// `classes`.
  public let laterStages: [[Int32]]

  /// Puts labels together.
  init(classes: [Int32], classCount: Int, laterStages: [[Int32]] = []) {
    self.classes = classes
    self.classCount = classCount
    self.laterStages = laterStages
  }

  /// The label of a RoI at a stage of a cascade, from 0.
  func classIndex(ofRow row: Int, stage: Int) -> Int32 {
    stage > 0 && stage <= laterStages.count ? laterStages[stage - 1][row] : classes[row]
  }
}

extension FeatureSet {
  /// The labels that the set states, as class indices; `nil` where it states none.
  ///
  /// −1 is background, and so is 0 where no category has id 0.
  ///
  /// - Parameter categoryIDs: The categories, ascending.
  /// - Throws: `FeatureSetError` for a label that is no category's id.
  /// - Complexity: O(N).
  public func labels(categoryIDs: [Int]) throws -> RoILabels? {
    guard hasLabels else { return nil }
    let lookup = IDIndex(ascending: categoryIDs)
    var stages = [[Int32]](repeating: [], count: shards.first?.labelStageCount ?? 1)
    for stage in stages.indices { stages[stage].reserveCapacity(roiCount) }
    for shard in shards {
      guard let labels = shard.labels else { continue }
      for piece in pieces(of: 0..<shard.rowCount * stages.count) {
        for (offset, label) in try labels.integers(piece).enumerated() {
          let (row, stage) = (piece.lowerBound + offset).quotientAndRemainder(dividingBy: stages.count)
          if let index = lookup.position(of: label) {
            stages[stage].append(Int32(clamping: index))
          } else if label == -1 || label == 0 {
            stages[stage].append(RoILabels.background)
          } else {
            throw FeatureSetError(
              path: shard.path, tensor: "labels", row: row, code: .label,
              detail: "\(label) is none of the \(categoryIDs.count) categories\(Self.range(of: categoryIDs))"
                + likelyCause(ofLabelsOf: categoryIDs.count))
          }
        }
      }
    }
    return RoILabels(classes: stages[0], classCount: categoryIDs.count, laterStages: Array(stages.dropFirst()))
  }

  /// Labels by overlap: each RoI takes the category of the annotation that it overlaps most, if their IoU is .5 or more.
  ///
  /// Of several annotations with the same IoU the one that stands first in the file counts, as in detectron2's
  /// `Matcher`. Crowds take no part, nor do boxes without area. Examples that are whole images take the category of
  /// their image's annotations.
  ///
  /// - Parameters:
  ///   - dataset: The annotations; its categories' order gives the class indices.
  ///   - threshold: The lowest IoU of a positive.
  /// - Throws: `FeatureSetError` for an image that the annotations do not know, for queries, of which overlap would call
  ///   duplicates objects, and for a whole image without a category or of several.
  /// - Complexity: O(RoIs × annotations) for each image.
  public func labels(assignedFrom dataset: LVISDataset, threshold: Double = 0.5) throws -> RoILabels {
    try checkImages(areIn: dataset)
    switch kind {
    case .rois: break
    case .images: return try labels(ofImagesIn: dataset)
    case .queries:
      throw FeatureSetError(
        path: path, tensor: "labels", code: .label,
        detail:
          "not in the files; queries are labelled one to one by the detector's own matcher, and overlap would call "
          + "duplicates objects: write the matcher's labels into the set")
    }
    let lookup = IDIndex(ascending: dataset.categories.map(\.id))
    var objects: [Int: [(box: BoundingBox, label: Int32)]] = [:]
    for annotation in dataset.annotations where !annotation.isCrowd && annotation.box.area > 0 {
      guard let index = lookup.position(of: annotation.categoryID) else { continue }
      objects[annotation.imageID, default: []].append((annotation.box, Int32(clamping: index)))
    }
    var classes = [Int32](repeating: RoILabels.background, count: roiCount)
    for image in images {
      guard let objects = objects[image.id] else { continue }
      let boxes = try boxes(rows: image.rows)
      for row in 0..<image.rows.count {
        var best = threshold
        for object in objects {
          let iou = Self.iou(boxes[4 * row..<4 * row + 4], object.box)
          if iou > best || (iou == best && classes[image.rows.lowerBound + row] == RoILabels.background) {
            best = iou
            classes[image.rows.lowerBound + row] = object.label
          }
        }
      }
    }
    return RoILabels(classes: classes, classCount: dataset.categories.count)
  }

  /// The one category of each image.
  private func labels(ofImagesIn dataset: LVISDataset) throws -> RoILabels {
    let lookup = IDIndex(ascending: dataset.categories.map(\.id))
    var categories: [Int: Set<Int>] = [:]
    for annotation in dataset.annotations {
      if let index = lookup.position(of: annotation.categoryID) {
        categories[annotation.imageID, default: []].insert(index)
      }
    }
    var classes = [Int32](repeating: RoILabels.background, count: roiCount)
    for image in images {
      let found = categories[image.id] ?? []
      guard found.count == 1, let index = found.first else {
        throw FeatureSetError(
          path: path, tensor: "labels", code: .label,
          detail:
            "image \(image.id) has \(found.count) categories in the annotations, and an example that is a whole image "
            + "has one")
      }
      for row in image.rows { classes[row] = Int32(clamping: index) }
    }
    return RoILabels(classes: classes, classCount: dataset.categories.count)
  }

  /// Checks that the annotations know every image of the set.
  ///
  /// - Throws: `FeatureSetError` for the first image that they do not.
  public func checkImages(areIn dataset: LVISDataset) throws {
    let known = Set(dataset.images.map(\.id))
    guard let unknown = images.first(where: { !known.contains($0.id) }) else { return }
    let shard = shards[shardIndex(ofRow: unknown.rows.lowerBound)]
    throw FeatureSetError(
      path: shard.path, tensor: "image_ids", row: unknown.rows.lowerBound - shard.firstRow, code: .image,
      detail: "image \(unknown.id) is not in the annotations; are they of another split?")
  }

  /// Why labels may be no category ids; empty where nothing suggests itself.
  private func likelyCause(ofLabelsOf count: Int) -> String {
    var (least, greatest) = (Int.max, Int.min)
    for shard in shards {
      guard let labels = shard.labels, let values = try? labels.integers() else { continue }
      least = min(least, values.min() ?? least)
      greatest = max(greatest, values.max() ?? greatest)
    }
    guard least >= -1, greatest <= count, count > 1 else { return "; labels are category ids, background is −1" }
    return greatest == count && least >= 0
      ? "; do the labels count from 0, with background last (\(count))? They must be category ids, background −1"
      : "; are the labels places in the list of categories? They must be category ids, background −1"
  }

  private static func range(of ids: [Int]) -> String {
    ids.first.flatMap { first in ids.last.map { " (ids \(first) to \($0))" } } ?? ""
  }

  private static func iou(_ roi: ArraySlice<Float>, _ object: BoundingBox) -> Double {
    let start = roi.startIndex
    let (x1, y1) = (Double(roi[start]), Double(roi[start + 1]))
    let (x2, y2) = (Double(roi[start + 2]), Double(roi[start + 3]))
    let width = min(x2, object.x + object.width) - max(x1, object.x)
    let height = min(y2, object.y + object.height) - max(y1, object.y)
    guard width > 0, height > 0 else { return 0 }
    let intersection = width * height
    return intersection / ((x2 - x1) * (y2 - y1) + object.area - intersection)
  }
}
