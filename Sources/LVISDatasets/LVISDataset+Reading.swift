extension LVISDataset {
  /// What is read beside images, categories and the annotations' ids.
  public struct Contents: OptionSet, Sendable {
    /// The raw value.
    public let rawValue: Int
    /// Makes a set from its raw value.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Every annotation must have a box. Without this one, a box that is there is read and checked all the same, and
    /// one that is missing is 0 × 0: enough to count by.
    public static let boxes = Contents(rawValue: 1)
    /// The masks too.
    public static let segmentations = Contents(rawValue: 2)
  }

  /// Reads an LVIS (v0.5, v1), COCO or COCO-like file.
  ///
  /// Only `categories` must be there. Ids may be any integers in any order. Fields that COCO-like files lack have
  /// fallbacks, and each use is among the `warnings`: `area` is width × height, an annotation's `id` is its place in
  /// the file from 1, a category's `name` is its id, an image's size is 0 × 0; `frequency`, `neg_category_ids`,
  /// `not_exhaustive_category_ids` and the counts stay `nil`. `null` is read as a missing field.
  ///
  /// The file is read in windows: memory grows with the number of annotations, not with the file's bytes.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - contents: What to read beside ids; boxes unless given.
  /// - Throws: `DatasetError` that names the place in the file, for malformed JSON, fields that are missing or of the
  ///   wrong type, numbers that are not finite, image or category ids that stand twice, and annotations of images that
  ///   are not there; `FileError` where the file cannot be read.
  public init(contentsOf path: String, including contents: Contents = .boxes) throws {
    try self.init(contentsOf: path, including: contents, windowBytes: RecordList.defaultWindowBytes)
  }

  package init(contentsOf path: String, including contents: Contents, windowBytes: Int) throws {
    let file = try JSONFile(at: path)
    var options: RecordOptions = contents.contains(.boxes) ? .requireBox : []
    if contents.contains(.segmentations) { options.insert(.segmentations) }
    var builder = LVISDatasetBuilder(file: file, contents: contents)
    var seen: Set<String> = []
    try forEachList(in: file) { name, start in
      guard let kind = RecordKind(rawValue: name), kind != .detections else { return nil }
      guard seen.insert(name).inserted else {
        throw DatasetError(path: path, place: name, problem: "stands twice in the file")
      }
      let list = RecordList(file: file, kind: kind, start: start, options: options, windowBytes: windowBytes)
      return try list.forEachWindow { rows, first in
        switch kind {
        case .images: builder.addImages(rows)
        case .categories: builder.addCategories(rows)
        default: builder.addAnnotations(rows, first: first)
        }
      }
    }
    guard seen.contains("categories") else {
      throw DatasetError(
        path: path, problem: "has no list “categories”",
        advice: "an LVIS or COCO annotation file has images, annotations and categories")
    }
    self = try builder.finish()
  }
}
