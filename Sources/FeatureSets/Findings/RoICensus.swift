import LVISDatasets

/// Counts what RoIs' boxes and labels show beside the annotations of their images.
///
/// A RoI *overlaps* an object from IoU .5 on, as labels are assigned; a label is *astray* where no object of its class
/// reaches IoU .1, which no detector's rule of labelling gives.
struct RoICensus {
  /// How many, and the first.
  struct Tally {
    var count = 0
    var first: (image: Int, row: Int, box: SIMD4<Float>)?

    mutating func add(_ image: Int, _ row: Int, _ box: SIMD4<Float>) {
      count += 1
      if first == nil { first = (image, row, box) }
    }
  }

  /// The category ids by class index.
  let categoryIDs: [Int]
  /// RoIs that were looked at.
  private(set) var count = 0
  /// Of these, RoIs in images whose size is known.
  private(set) var sizedCount = 0
  private(set) var fractions = Tally()
  private(set) var beyond = Tally()
  private(set) var empty = Tally()
  /// RoIs with the box of another one of their image.
  private(set) var repeated = Tally()
  /// How far boxes reach, as a multiple of their image's size.
  private(set) var reach = 0.0
  /// RoIs in images with objects.
  private(set) var besideObjects = 0
  /// Of these, RoIs that overlap an object.
  private(set) var overlapping = 0
  private(set) var bestOverlap = 0.0
  /// Labelled RoIs in images of the annotations.
  private(set) var labelled = 0
  private(set) var astray = Tally()
  private(set) var astrayByClass: [Int]
  /// Astray RoIs that would not be, were labels places in the list of categories from 0, with background last.
  private(set) var rightFromZero = 0
  /// Astray RoIs that overlap an object of another class.
  private(set) var onOtherClass: [SIMD2<Int32>: Int] = [:]

  init(categoryIDs: [Int]) {
    self.categoryIDs = categoryIDs
    astrayByClass = Array(repeating: 0, count: categoryIDs.count)
  }

  /// Looks at RoIs of an image.
  ///
  /// - Parameters:
  ///   - rows: Their rows in the set.
  ///   - boxes: Their boxes, [rows.count × 4].
  ///   - classes: Their class indices; `nil` where labels are not to be held against the annotations.
  ///   - image: The image, with its size.
  ///   - objects: What the annotations know of it.
  mutating func add(
    rows: [Int], boxes: [SIMD4<Float>], classes: [Int32]?, image: LVISImage, objects: ArraySlice<ObjectsByImage.Object>
  ) {
    var seen: Set<SIMD4<Float>> = []
    for (place, box) in boxes.enumerated() {
      let row = rows[place]
      count += 1
      if box.z <= box.x || box.w <= box.y {
        empty.add(image.id, row, box)
      } else {
        if !seen.insert(box).inserted { repeated.add(image.id, row, box) }
        addPlace(of: box, row, image)
      }
      guard !objects.isEmpty || classes != nil else { continue }
      addOverlaps(of: box, row, classIndex: classes?[place], image, objects)
    }
  }

  private mutating func addPlace(of box: SIMD4<Float>, _ row: Int, _ image: LVISImage) {
    guard image.width > 0, image.height > 0 else { return }
    sizedCount += 1
    let (width, height) = (Float(image.width), Float(image.height))
    reach = max(reach, Double(max(box.z / width, box.w / height)))
    // A twentieth beyond the edge is what regressed boxes do that nobody clipped.
    let margin = SIMD2(1 + 0.05 * width, 1 + 0.05 * height)
    if box.x < -margin.x || box.y < -margin.y || box.z > width + margin.x || box.w > height + margin.y {
      beyond.add(image.id, row, box)
    } else if box.min() >= -0.05, box.max() <= 1.05, min(width, height) > 4 {
      fractions.add(image.id, row, box)
    }
  }

  private mutating func addOverlaps(
    of box: SIMD4<Float>, _ row: Int, classIndex: Int32?, _ image: LVISImage,
    _ objects: ArraySlice<ObjectsByImage.Object>
  ) {
    let isLabelled = (classIndex ?? RoILabels.background) >= 0
    let own = classIndex ?? RoILabels.background
    // As a place from 0, a label is what was read as a category id.
    let fromZero = isLabelled ? categoryIDs[Int(own)] : -1
    var (best, bestOfOwn, bestFromZero) = (0.0, 0.0, 0.0)
    var bestClass = RoILabels.background
    for object in objects {
      let iou = object.iou(box)
      if iou > best { (best, bestClass) = (iou, object.classIndex) }
      guard isLabelled else { continue }
      if object.classIndex == own { bestOfOwn = max(bestOfOwn, iou) }
      if Int(object.classIndex) == fromZero { bestFromZero = max(bestFromZero, iou) }
    }
    if !objects.isEmpty {
      besideObjects += 1
      if best >= 0.5 { overlapping += 1 }
      bestOverlap = max(bestOverlap, best)
    }
    guard isLabelled else { return }
    labelled += 1
    guard bestOfOwn < 0.1 else { return }
    astray.add(image.id, row, box)
    astrayByClass[Int(own)] += 1
    let isBackgroundFromZero = fromZero == categoryIDs.count && best < 0.5
    if bestFromZero >= 0.1 || isBackgroundFromZero { rightFromZero += 1 }
    if best >= 0.5, bestClass >= 0 { onOtherClass[SIMD2(own, bestClass), default: 0] += 1 }
  }
}
