import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import LVISDatasets
import Synchronization

/// A set of feature maps with the label of every anchor, from which dense heads are trained.
///
/// Objects are assigned to anchors by overlap, as the set's framework does; see ``AnchorAssignment``.
public struct LabelledMapSet: AnchorBoxSource, LabelledImages {
  /// The feature maps of the training images, whose anchors are labelled.
  public let maps: FeatureMapSet
  /// The anchors of the maps.
  public let anchors: AnchorSettings
  /// The training annotations.
  public let annotations: LVISDataset?
  /// The anchors that are not background, image after image.
  private let labels: [AnchorLabel]
  /// For each image the places of its labels.
  private let places: [Range<Int>]
  /// The boxes of each image's objects, in pixels of the image that the detector saw.
  private let objectBoxes: [[CornerBox]]

  /// Assigns objects to anchors.
  ///
  /// - Parameters:
  ///   - maps: The maps, whose metadata states the anchors.
  ///   - dataset: The objects; crowds and boxes without area take no part.
  ///   - groups: The classes, whose order gives the class indices.
  ///   - threads: The threads to use.
  /// - Throws: `LinearHeadError` if the maps state no anchors, or impossible ones; `FeatureSetError` for an image that the
  ///   annotations do not know.
  public init(
    _ maps: FeatureMapSet, assignedFrom dataset: LVISDataset, groups: CategoryGroups, threads: Int = 1
  ) throws {
    let anchors = try AnchorSettings(
      metadata: maps.metadata, levelCount: maps.levelCount, anchorsPerLocation: maps.anchorsPerLocation, path: maps.path
    )
    try maps.checkImages(areIn: dataset)
    let lookup = IDIndex(ascending: groups.members.map(\.id))
    var objects: [Int: [(box: CornerBox, label: Int32)]] = [:]
    for annotation in dataset.annotations where !annotation.isCrowd && annotation.box.area > 0 {
      guard let index = lookup.position(of: annotation.categoryID) else { continue }
      let box = annotation.box
      objects[annotation.imageID, default: []].append(
        (
          CornerBox(Float(box.x), Float(box.y), Float(box.x + box.width), Float(box.y + box.height)),
          Int32(clamping: index)
        ))
    }
    let assignment = AnchorAssignment(anchors.convention)
    let found = Mutex([[AnchorLabel]](repeating: [], count: maps.images.count))
    let all = objects
    inParallel(parts: threads) { part in
      // Images of a set are often of few sizes.
      var grid: (levels: [FeatureMapSet.LevelShape], grid: AnchorGrid)?
      for index in evenSlice(of: maps.images.count, part: part, of: threads) {
        let image = maps.images[index]
        if grid?.levels != image.levels {
          grid = (image.levels, AnchorGrid(anchors, levels: image.levels.map { ($0.height, $0.width) }))
        }
        guard let boxes = grid?.grid.anchors else { continue }
        let own = all[image.id] ?? []
        let assigned = assignment.objects(
          of: boxes, among: own.map { Self.scaled($0.box, to: image) },
          isTrained: anchors.trainedLocations(levels: image.levels.map { ($0.height, $0.width) }, size: image.size),
          anchorsPerLocation: anchors.anchorsPerLocation)
        var labels: [AnchorLabel] = []
        for (place, object) in assigned.enumerated() where object != AnchorAssignment.background {
          labels.append(
            AnchorLabel(
              place: Int32(truncatingIfNeeded: place),
              label: object >= 0 ? own[Int(object)].label : AnchorLabel.ignored, object: max(-1, object)))
        }
        found.withLock { $0[index] = labels }
      }
    }
    var (labels, places): ([AnchorLabel], [Range<Int>]) = ([], [])
    for own in found.withLock({ $0 }) {
      places.append(labels.count..<labels.count + own.count)
      labels += own
    }
    self.init(
      maps, anchors: anchors, labels: labels, places: places,
      objectBoxes: maps.images.map { image in (all[image.id] ?? []).map { Self.scaled($0.box, to: image) } },
      annotations: dataset)
  }

  /// A box of the original image, in pixels of the one that the detector saw.
  private static func scaled(_ box: CornerBox, to image: FeatureMapSet.Image) -> CornerBox {
    CornerBox(
      box.x1 * image.scale.x, box.y1 * image.scale.y, box.x2 * image.scale.x, box.y2 * image.scale.y)
  }

  private init(
    _ maps: FeatureMapSet, anchors: AnchorSettings, labels: [AnchorLabel], places: [Range<Int>],
    objectBoxes: [[CornerBox]],
    annotations: LVISDataset?
  ) {
    self.maps = maps
    self.anchors = anchors
    self.annotations = annotations
    self.labels = labels
    self.places = places
    self.objectBoxes = objectBoxes
  }

  /// The maps.
  public var imageFeatures: any ImageFeatures { maps }

  /// The anchors of some of the images alone.
  public func selectingImages(at positions: [Int], annotations: LVISDataset?) -> LabelledMapSet {
    LabelledMapSet(
      maps.selectingImages(at: positions), anchors: anchors, labels: labels, places: positions.map { places[$0] },
      objectBoxes: positions.map { objectBoxes[$0] }, annotations: annotations)
  }

  /// A, the anchors of a location.
  public var anchorsPerLocation: Int { anchors.anchorsPerLocation }
  /// C, the channels of the maps.
  public var channelCount: Int { maps.channelCount }
  /// The length of a patch, 9C.
  public var featureCount: Int { 9 * maps.channelCount }
  /// The number of images.
  public var imageCount: Int { maps.images.count }
  /// The anchors of an image.
  public func rows(ofImage index: Int) -> Range<Int> {
    let locations = maps.images[index].locations
    return locations.lowerBound * anchors.anchorsPerLocation..<locations.upperBound * anchors.anchorsPerLocation
  }
  /// The shapes of an image's levels.
  public func levels(ofImage index: Int) -> [FeatureMapSet.LevelShape] { maps.images[index].levels }
  /// The anchors of an image that are not background.
  public func labelledAnchors(ofImage index: Int) -> ArraySlice<AnchorLabel> { labels[places[index]] }
  /// The boxes of an image's objects, in pixels of the image that the detector saw.
  public func objects(ofImage index: Int) -> ArraySlice<CornerBox> { objectBoxes[index][...] }
  /// Copies the features of all locations of an image.
  ///
  /// - Throws: `FeatureSetError` if one of them is not finite.
  public func copyMaps(ofImage index: Int, into destination: UnsafeMutablePointer<Float>) throws {
    try maps.copyFeatures(locations: maps.images[index].locations, into: destination)
  }
  /// Copies the patches of anchors, those of a location the same.
  ///
  /// - Throws: `FeatureSetError` if a number is not finite.
  public func copyFeatures(rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws {
    let padded = PaddedMaps(channelCount: channelCount)
    var (low, high) = (0, imageCount - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if self.rows(ofImage: middle).lowerBound <= rows.lowerBound { low = middle } else { high = middle - 1 }
    }
    for index in low..<imageCount {
      let own = self.rows(ofImage: index)
      guard own.lowerBound < rows.upperBound else { break }
      let buffer = UnsafeMutablePointer<Float>.allocate(capacity: maps.images[index].locations.count * channelCount)
      defer { buffer.deallocate() }
      try copyMaps(ofImage: index, into: buffer)
      padded.reserve([levels(ofImage: index).map { ($0.height, $0.width) }])
      padded.set(buffer, ofImage: 0)
      for row in rows.clamped(to: own) {
        padded.gather(
          (row - own.lowerBound) / anchorsPerLocation, into: destination + (row - rows.lowerBound) * featureCount)
      }
    }
  }
  /// The size of all maps as they are stored, in bytes.
  public var featureByteCount: Int { maps.featureByteCount }
  /// Has the system read the maps of anchors in the background.
  public func prefetch(rows: Range<Int>) {
    maps.prefetch(
      locations: rows.lowerBound / anchorsPerLocation..<(rows.upperBound + anchorsPerLocation - 1) / anchorsPerLocation)
  }
  /// Lets go of the memory that reading has taken.
  public func releasePages() { maps.releasePages() }

  /// The anchors themselves as `.boxes`, in pixels of the image that the detector saw; no other column.
  public func values(_ column: FeatureColumn, rows: Range<Int>) throws -> [Float]? {
    guard column == .boxes,
      let image = (0..<imageCount).first(where: { self.rows(ofImage: $0).contains(rows.lowerBound) })
    else { return nil }
    let own = self.rows(ofImage: image)
    let grid = AnchorGrid(anchors, levels: levels(ofImage: image).map { ($0.height, $0.width) })
    return grid.anchors[rows.lowerBound - own.lowerBound..<min(rows.upperBound, own.upperBound) - own.lowerBound]
      .flatMap { [$0.x1, $0.y1, $0.x2, $0.y2] }
  }
}
