import BalancedGroupSoftmax
import Foundation

/// A detection set that commands can be tried on in a second: 5 classes with 120, 60, 15, 4 and 1 of about 200 objects
/// in 100 images, 8 RoIs an image with 12 features.
///
/// The first 8 features tell the class, the last 4 how far the RoI's box lies from the object's.
struct SmallDetectionSet {
  static let weights = [120, 60, 15, 4, 1]

  /// Writes `train/`, `val/`, `train.json` and `val.json`.
  static func write(to folder: String) throws {
    var generator = SeededGenerator(seed: 12)
    let prototypes = (0..<weights.count).map { _ in (0..<8).map { _ in 2 * standardNormal(using: &generator) } }
    try write("train", in: folder, images: 1...100, prototypes, using: &generator)
    try write("val", in: folder, images: 1001...1040, prototypes, using: &generator)
  }

  private static func write(
    _ name: String, in folder: String, images: ClosedRange<Int>, _ prototypes: [[Double]],
    using generator: inout SeededGenerator
  ) throws {
    let writer = try FeatureSetWriter(at: "\(folder)/\(name)", featureCount: 12, elementType: .float32)
    var annotations: [[String: Any]] = []
    // Every class appears, the rarest once in 100 images.
    var classes = weights.indices.flatMap { Array(repeating: $0, count: max(1, weights[$0] * images.count / 100)) }
    classes.shuffle(using: &generator)
    for image in images {
      var rois = ImageRoIs(imageID: image, features: [], boxes: [], labels: [], columns: [:])
      for place in 0..<2 {
        let label = classes[(2 * (image - images.lowerBound) + place) % classes.count]
        let size = Double.random(in: 15...30, using: &generator).rounded()
        let object = [Double(10 + 45 * place), Double.random(in: 10...60, using: &generator).rounded(), size, size]
        annotations.append([
          "id": annotations.count + 1, "image_id": image, "category_id": label + 1, "bbox": object,
          "area": size * size,
        ])
        for jitter in [0.0, 0.1, 0.2] { add(label, object, jitter: jitter, to: &rois, prototypes, using: &generator) }
      }
      for _ in 0..<2 { add(nil, [80, 80, 10, 10], jitter: 0.5, to: &rois, prototypes, using: &generator) }
      try writer.append(rois)
    }
    try writer.finish()
    let json: [String: Any] = [
      "images": images.map {
        ["id": $0, "width": 100, "height": 100, "neg_category_ids": [Int](), "not_exhaustive_category_ids": [Int]()]
          as [String: Any]
      },
      "annotations": annotations,
      "categories": weights.indices.map {
        ["id": $0 + 1, "name": "class \($0 + 1)", "frequency": $0 < 2 ? "f" : $0 < 4 ? "c" : "r"] as [String: Any]
      },
    ]
    try JSONSerialization.data(withJSONObject: json).write(to: URL(fileURLWithPath: "\(folder)/\(name).json"))
  }

  /// A RoI that lies beside an object by a share of its size.
  private static func add(
    _ label: Int?, _ object: [Double], jitter: Double, to rois: inout ImageRoIs, _ prototypes: [[Double]],
    using generator: inout SeededGenerator
  ) {
    let shift = (0..<2).map { _ in Double.random(in: -jitter...jitter, using: &generator) }
    let x = object[0] + shift[0] * object[2]
    let y = object[1] + shift[1] * object[3]
    rois.boxes += [x, y, x + object[2], y + object[3]].map { Float($0) }
    rois.labels?.append(label.map { $0 + 1 } ?? -1)
    let matched = [object[0], object[1], object[0] + object[2], object[1] + object[3]]
    rois.columns[.groundTruthBoxes, default: []] += matched.map { Float($0) }
    rois.columns[.boxDeltas, default: []] += [0, 0, 0, 0]
    rois.columns[.ious, default: []].append(label == nil ? 0 : 1 - Float(jitter))
    let appearance = (0..<8).map { feature in
      (label.map { prototypes[$0][feature] } ?? 0) + 0.6 * standardNormal(using: &generator)
    }
    rois.features += (appearance + [-shift[0], -shift[1], 0, 1]).map { Float($0) }
  }
}
