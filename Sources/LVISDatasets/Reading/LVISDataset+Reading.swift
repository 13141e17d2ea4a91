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
  /// Only `categories` must be there. Ids may be any integers in any order, up to 2⁶⁴ − 1: one of 2⁶³ or more is held as
  /// the negative number of the same 64 bits. Fields that COCO-like files lack have fallbacks, and each use is among the
  /// `warnings`: `area` is width × height, an annotation's `id` is its place in the file from 1, a category's `name` is
  /// its id (and a number's text where it is one), an image's size is 0 × 0; `frequency`, `neg_category_ids`,
  /// `not_exhaustive_category_ids` and the counts stay `nil`. `null` is read as a missing field, `[]` as no box.
  /// Images and categories that are listed twice in the same words are taken once. Annotations of images that are not
  /// there are left out, as the reference implementations do.
  ///
  /// The file is read in windows: memory grows with the number of annotations, not with the file's bytes.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - contents: What to read beside ids; boxes unless given.
  ///   - isStrict: Whether to refuse annotations of images that are not there.
  /// - Throws: `DatasetError` that names the place in the file, for malformed JSON, fields that are missing or of the
  ///   wrong type, numbers that are not finite, image or category ids that stand twice in other words, and annotations
  ///   none of whose images is there; `FileError` where the file cannot be read.
  public init(contentsOf path: String, including contents: Contents = .boxes, isStrict: Bool = false) throws {
    try self.init(
      contentsOf: path, including: contents, isStrict: isStrict, windowBytes: RecordList.defaultWindowBytes)
  }

  package init(
    contentsOf path: String, including contents: Contents, isStrict: Bool = false, windowBytes: Int
  ) throws {
    let file = try JSONFile(at: path)
    do {
      self = try Self.read(file, contents, isStrict: isStrict, windowBytes: windowBytes)
    } catch let error as DatasetError {
      throw error.explained(by: FileKind(of: file))
    }
  }

  private static func read(
    _ file: JSONFile, _ contents: Contents, isStrict: Bool, windowBytes: Int
  ) throws -> LVISDataset {
    var options: RecordOptions = contents.contains(.boxes) ? .requireBox : []
    if contents.contains(.segmentations) { options.insert(.segmentations) }
    var builder = LVISDatasetBuilder(file: file, contents: contents)
    var seen: Set<String> = []
    try forEachField(in: file) { name, first, start in
      guard let kind = RecordKind(rawValue: name), kind != .detections else { return nil }
      guard seen.insert(name).inserted else {
        throw DatasetError(path: file.path, place: name, problem: "stands twice in the file")
      }
      guard first == UInt8(ascii: "[") else { throw notAList(name, first, in: file) }
      let list = RecordList(file: file, kind: kind, start: start + 1, options: options, windowBytes: windowBytes)
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
        path: file.path, problem: "has no list “categories”",
        advice: "an LVIS or COCO annotation file has images, annotations and categories")
    }
    return try builder.finish(isStrict: isStrict)
  }

  /// The error for a value that stands where a list of records must.
  private static func notAList(_ name: String, _ first: UInt8, in file: JSONFile) -> DatasetError {
    let found =
      switch first {
      case UInt8(ascii: "{"): "an object {…}"
      case UInt8(ascii: "n"): "null"
      case UInt8(ascii: "\""): "a string"
      default: "a number or truth value"
      }
    return DatasetError(
      path: file.path, place: name, problem: "is \(found), but must be a list […]",
      advice: first == UInt8(ascii: "{")
        ? "where it is keyed by id, this makes a list: jq '.\(name) |= [.[]]' \(file.path) > list.json" : nil)
  }
}
