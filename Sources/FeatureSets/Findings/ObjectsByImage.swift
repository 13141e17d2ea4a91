import LVISDatasets

/// The annotated objects of the images that a feature set has RoIs of, crowds and boxes without area left out.
struct ObjectsByImage {
  /// An object: its box and the index of its class, or −1 where the file does not list the category.
  struct Object {
    var box: BoundingBox
    var classIndex: Int32

    /// Intersection over union with a RoI; 0 where either has no area.
    ///
    /// - Parameter roi: x1, y1, x2, y2.
    @inline(__always)
    func iou(_ roi: SIMD4<Float>) -> Double {
      let (x1, y1, x2, y2) = (Double(roi.x), Double(roi.y), Double(roi.z), Double(roi.w))
      let width = min(x2, box.x + box.width) - max(x1, box.x)
      let height = min(y2, box.y + box.height) - max(y1, box.y)
      guard width > 0, height > 0 else { return 0 }
      let intersection = width * height
      return intersection / ((x2 - x1) * (y2 - y1) + box.area - intersection)
    }
  }

  private var objects: [Object] = []
  private var starts: [Int]

  /// Gathers the objects of images.
  ///
  /// - Parameters:
  ///   - dataset: The annotations.
  ///   - imageIDs: The images' ids, ascending.
  /// - Complexity: O(annotations).
  init(_ dataset: LVISDataset, imageIDs: [Int]) {
    let images = IDIndex(ascending: imageIDs)
    let categories = dataset.categoryIndex()
    starts = [Int](repeating: 0, count: imageIDs.count + 1)
    var places: [(image: Int, annotation: Int)] = []
    for (element, annotation) in dataset.annotations.enumerated()
    where !annotation.isCrowd && annotation.box.width > 0 && annotation.box.height > 0 {
      guard let image = images.position(of: annotation.imageID) else { continue }
      starts[image + 1] += 1
      places.append((image, element))
    }
    for image in imageIDs.indices { starts[image + 1] += starts[image] }
    var next = starts
    objects = Array(
      repeating: Object(box: BoundingBox(x: 0, y: 0, width: 0, height: 0), classIndex: -1), count: places.count)
    for (image, element) in places {
      let annotation = dataset.annotations[element]
      objects[next[image]] = Object(
        box: annotation.box,
        classIndex: categories.position(of: annotation.categoryID).map { Int32(clamping: $0) } ?? -1)
      next[image] += 1
    }
  }

  /// The objects of an image, by its place among the ids given.
  func objects(ofImage place: Int) -> ArraySlice<Object> { objects[starts[place]..<starts[place + 1]] }
}
