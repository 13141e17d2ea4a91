/// The images, categories and annotations of an LVIS, COCO or COCO-like file.
public struct LVISDataset: Sendable {
  /// By ascending id, whatever their order in the file.
  public var images: [LVISImage]
  /// By ascending id, whatever their order in the file.
  public var categories: [LVISCategory]
  /// In the order of the file, duplicates included.
  public var annotations: [LVISAnnotation]
  /// The masks, parallel to `annotations`; `nil` unless they were asked for.
  public var segmentations: SegmentationColumns?
  /// What was odd in the file, and what was done about it.
  public var warnings: [DataFinding]
  /// The file that it was read from; `nil` for a data set in memory.
  public var path: String?

  /// Makes a data set from parts in memory; sorts images and categories by id.
  public init(
    images: [LVISImage], categories: [LVISCategory], annotations: [LVISAnnotation],
    segmentations: SegmentationColumns? = nil, warnings: [DataFinding] = [], path: String? = nil
  ) {
    self.images = images.sorted { $0.id < $1.id }
    self.categories = categories.sorted { $0.id < $1.id }
    self.annotations = annotations
    self.segmentations = segmentations
    self.warnings = warnings
    self.path = path
  }

  /// Annotation ids that stand more than once, ascending.
  public var duplicateAnnotationIDs: [Int] { duplicated(annotations.map(\.id)) }

  /// Finds an image's position in `images` by its id.
  public func imageIndex() -> IDIndex { IDIndex(ascending: images.map(\.id)) }

  /// Finds a category's position in `categories` by its id.
  public func categoryIndex() -> IDIndex { IDIndex(ascending: categories.map(\.id)) }
}

/// One image of a data set.
public struct LVISImage: Sendable, Equatable, Identifiable {
  /// The image's id.
  public var id: Int
  /// Width in pixels.
  public var width: Int
  /// Height in pixels.
  public var height: Int
  /// Categories verified to be absent (`neg_category_ids`); `nil` where the file has no such field.
  public var negativeCategoryIDs: [Int]?
  /// Categories not labelled exhaustively (`not_exhaustive_category_ids`); `nil` where the file has no such field.
  public var notExhaustiveCategoryIDs: [Int]?

  /// Makes an image.
  public init(
    id: Int, width: Int, height: Int, negativeCategoryIDs: [Int]? = nil, notExhaustiveCategoryIDs: [Int]? = nil
  ) {
    self.id = id
    self.width = width
    self.height = height
    self.negativeCategoryIDs = negativeCategoryIDs
    self.notExhaustiveCategoryIDs = notExhaustiveCategoryIDs
  }
}

/// One category of a data set.
public struct LVISCategory: Sendable, Equatable, Identifiable {
  /// The category's id: any integer, not necessarily from 1 or without gaps.
  public var id: Int
  /// The category's name.
  public var name: String
  /// LVIS's rare, common or frequent; `nil` where the file has no such field.
  public var frequency: LVISFrequency?
  /// `instance_count` as the file states it.
  public var statedInstanceCount: Int?
  /// `image_count` as the file states it.
  public var statedImageCount: Int?

  /// Makes a category.
  public init(
    id: Int, name: String, frequency: LVISFrequency? = nil, statedInstanceCount: Int? = nil,
    statedImageCount: Int? = nil
  ) {
    self.id = id
    self.name = name
    self.frequency = frequency
    self.statedInstanceCount = statedInstanceCount
    self.statedImageCount = statedImageCount
  }
}

/// LVIS's frequency of a category, by the number of *training images* that hold it.
public enum LVISFrequency: String, Sendable, CaseIterable {
  /// 1 to 10 training images.
  case rare = "r"
  /// 11 to 100 training images.
  case common = "c"
  /// More than 100 training images.
  case frequent = "f"

  /// The frequency that LVIS gives to a category found in so many training images.
  public init(trainingImageCount count: Int) {
    self = count <= 10 ? .rare : count <= 100 ? .common : .frequent
  }
}

/// One annotated object.
public struct LVISAnnotation: Sendable, Identifiable {
  /// The annotation's id.
  public var id: Int
  /// The image that it lies in.
  public var imageID: Int
  /// What it is.
  public var categoryID: Int
  /// Its box.
  public var box: BoundingBox
  /// Its area as the file states it (of the mask, in LVIS); the box's where the file has none.
  public var area: Double
  /// COCO's `iscrowd`.
  public var isCrowd: Bool
  /// `ignore`, which LVIS's evaluation honours.
  public var isIgnored: Bool

  /// Makes an annotation.
  public init(
    id: Int, imageID: Int, categoryID: Int, box: BoundingBox, area: Double? = nil, isCrowd: Bool = false,
    isIgnored: Bool = false
  ) {
    self.id = id
    self.imageID = imageID
    self.categoryID = categoryID
    self.box = box
    self.area = area ?? box.area
    self.isCrowd = isCrowd
    self.isIgnored = isIgnored
  }
}
