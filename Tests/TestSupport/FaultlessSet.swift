import DenseLinearAlgebra
import FeatureSets
import LVISDatasets
import TensorFiles

/// A detection set without a fault, for tests to put one in: 24 images of 640 × 480 with 6 objects of 5 long-tailed
/// classes, 12 RoIs an image, half of them beside an object, 16 features that tell the classes apart.
public struct FaultlessSet {
  /// The annotations.
  public var dataset: LVISDataset
  /// The RoIs of each image, labelled.
  public var images: [ImageRoIs] = []

  /// Draws a set.
  ///
  /// - Parameters:
  ///   - seed: Of objects, boxes and noise; what a class looks like is the same for all.
  ///   - categoryIDs: Ascending.
  public init(seed: UInt64 = 0, imageCount: Int = 24, categoryIDs: [Int] = [1, 2, 3, 4, 5]) {
    var looks = SeededGenerator(seed: 99)
    let prototypes = (0...categoryIDs.count).map { _ in (0..<16).map { _ in 2 * standardNormal(using: &looks) } }
    var generator = SeededGenerator(seed: seed + 1)
    var annotations: [LVISAnnotation] = []
    for image in 1...imageCount {
      var rois = ImageRoIs(imageID: image, features: [], boxes: [], labels: [])
      func add(_ box: [Double], _ index: Int?) {
        rois.boxes += box.map { Float($0) }
        rois.labels?.append(index.map { categoryIDs[$0] } ?? -1)
        let look = prototypes[index.map { $0 + 1 } ?? 0]
        rois.features += look.map { Float($0 + 0.5 * standardNormal(using: &generator)) }
      }
      // A grid of cells, an object in every other one, so that background overlaps none.
      for cell in 0..<12 {
        let (left, top) = (160 * Double(cell % 4), 160 * Double(cell / 4))
        let width = Double.random(in: 40...100, using: &generator)
        let height = Double.random(in: 40...100, using: &generator)
        let x = left + Double.random(in: 5...50, using: &generator)
        let y = top + Double.random(in: 5...50, using: &generator)
        guard cell.isMultiple(of: 2) else {
          add([x, y, x + width, y + height], nil)
          continue
        }
        // Of every class, half as many as of the one before.
        let index = min((annotations.count + 1).trailingZeroBitCount, categoryIDs.count - 1)
        let object = BoundingBox(x: x, y: y, width: width, height: height)
        annotations.append(
          LVISAnnotation(
            id: annotations.count + 1, imageID: image, categoryID: categoryIDs[index], box: object))
        let shift = Double.random(in: -2...2, using: &generator)
        add([x + shift, y - shift, x + width + shift, y + height - shift], index)
      }
      images.append(rois)
    }
    dataset = LVISDataset(
      images: (1...imageCount).map {
        LVISImage(id: $0, width: 640, height: 480, negativeCategoryIDs: [], notExhaustiveCategoryIDs: [])
      },
      categories: categoryIDs.map { LVISCategory(id: $0, name: "class \($0)", frequency: .common) },
      annotations: annotations)
  }

  /// Writes the RoIs.
  ///
  /// - Parameter elementType: Of the features.
  public func writeFeatures(to folder: String, as elementType: TensorElementType = .float32) throws {
    let writer = try FeatureSetWriter(at: folder, featureCount: 16, elementType: elementType)
    for image in images { try writer.append(image) }
    try writer.finish()
  }

  /// Writes `NAME.json` and the folder `NAME`.
  public func write(_ name: String, in folder: String) throws {
    try dataset.write(to: "\(folder)/\(name).json")
    try writeFeatures(to: "\(folder)/\(name)")
  }

  /// Makes another label of every label, −1 being background.
  public mutating func relabel(_ label: (Int) -> Int) {
    for image in images.indices { images[image].labels = images[image].labels?.map(label) }
  }

  /// Takes the labels away.
  public mutating func removeLabels() {
    for image in images.indices { images[image].labels = nil }
  }

  /// Scales the RoIs' boxes.
  public mutating func scaleBoxes(_ x: Float, _ y: Float) {
    for image in images.indices {
      for place in images[image].boxes.indices { images[image].boxes[place] *= place.isMultiple(of: 2) ? x : y }
    }
  }

  /// Detections where the objects are, all of them right.
  public var detections: [Detection] {
    dataset.annotations.enumerated().map { place, annotation in
      Detection(
        imageID: annotation.imageID, categoryID: annotation.categoryID, box: annotation.box,
        score: 1 - Double(place) / 1000)
    }
  }
}

extension [DataFinding] {
  /// The only finding of a kind; `nil` where there is none, or several.
  public subscript(_ code: DataFinding.Code) -> DataFinding? {
    let found = filter { $0.code == code }
    return found.count == 1 ? found[0] : nil
  }
}
