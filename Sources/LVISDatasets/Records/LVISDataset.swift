/// The images, categories and annotations of an LVIS, COCO or COCO-like file.
public struct LVISDataset: Sendable {
  /// The images by ascending id, whatever their order in the file.
  public var images: [LVISImage]
  /// The categories by ascending id, whatever their order in the file.
  public var categories: [LVISCategory]
  /// The annotations in the order of the file, duplicates included.
  public var annotations: [LVISAnnotation]
  /// The masks, parallel to `annotations`; `nil` unless they were asked for.
  public var segmentations: SegmentationColumns?
  /// The findings of reading the file: what was odd, and what was done about it.
  public var warnings: [DataFinding]
  /// The path of the file that it was read from; `nil` for a data set in memory.
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

  /// The annotation ids that stand more than once, ascending.
  public var duplicateAnnotationIDs: [Int] { duplicated(annotations.map(\.id)) }

  /// An index that finds an image's position in `images` by its id.
  public func imageIndex() -> IDIndex { IDIndex(ascending: images.map(\.id)) }

  /// An index that finds a category's position in `categories` by its id.
  public func categoryIndex() -> IDIndex { IDIndex(ascending: categories.map(\.id)) }
}

/// One image of a data set.
public struct LVISImage: Sendable, Equatable, Identifiable {
  /// The image's id.
  public var id: Int
  /// The width in pixels; 0 where the file states none.
  public var width: Int
  /// The height in pixels; 0 where the file states none.
  public var height: Int
  /// The categories that were verified to be absent (`neg_category_ids`); `nil` where the file has no such field.
  public var negativeCategoryIDs: [Int]?
  /// The categories that are not labelled exhaustively (`not_exhaustive_category_ids`); `nil` where the file has no
  /// such field.
  public var notExhaustiveCategoryIDs: [Int]?

  /// Makes an image; what is not stated is as in a file without the field.
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
  /// Whether LVIS calls it rare, common or frequent; `nil` where the file has no such field.
  public var frequency: LVISFrequency?
  /// The field `instance_count`; `nil` where the file has none.
  public var statedInstanceCount: Int?
  /// The field `image_count`; `nil` where the file has none.
  public var statedImageCount: Int?

  /// Makes a category; what is not stated is as in a file without the field.
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

/// An annotated object: its image, its category, its box and its area.
public struct LVISAnnotation: Sendable, Identifiable {
  /// The annotation's id.
  public var id: Int
  /// The id of the image that it lies in.
  public var imageID: Int
  /// The id of the category of the object.
  public var categoryID: Int
  /// The box in pixels of the image.
  public var box: BoundingBox
  /// The area in square pixels as the file states it (of the mask, in LVIS); that of the box where the file states
  /// none.
  public var area: Double
  /// Whether it is a crowd (COCO's field `iscrowd`), not one object.
  public var isCrowd: Bool
  /// Whether the evaluation ignores it (the field `ignore`).
  public var isIgnored: Bool

  /// Makes an annotation; the area is that of the box unless stated.
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
