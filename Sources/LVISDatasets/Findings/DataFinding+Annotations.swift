extension DataFinding.Code {
  /// Annotations without `id`.
  public static let annotationsWithoutID = Self(rawValue: "annotations-without-id")
  /// Annotations without `area`.
  public static let annotationsWithoutArea = Self(rawValue: "annotations-without-area")
  /// Annotations without `bbox`, or with an empty one.
  public static let annotationsWithoutBox = Self(rawValue: "annotations-without-box")
  /// Annotation ids that stand more than once.
  public static let duplicateAnnotationIDs = Self(rawValue: "duplicate-annotation-ids")
  /// Annotations or detections of categories that the annotation file does not list.
  public static let unknownCategories = Self(rawValue: "unknown-categories")
  /// Annotations of images that the file does not list.
  public static let unknownImages = Self(rawValue: "unknown-images")
  /// Images without `width` or `height`.
  public static let imagesWithoutSize = Self(rawValue: "images-without-size")
  /// Images without `neg_category_ids`.
  public static let imagesWithoutNegatives = Self(rawValue: "images-without-negatives")
  /// Images without `not_exhaustive_category_ids`.
  public static let imagesWithoutExhaustiveness = Self(rawValue: "images-without-exhaustiveness")
  /// Categories without `name`.
  public static let categoriesWithoutName = Self(rawValue: "categories-without-name")
  /// Categories without `frequency`.
  public static let categoriesWithoutFrequency = Self(rawValue: "categories-without-frequency")
  /// Categories whose `frequency` is not r, c or f.
  public static let unknownFrequencies = Self(rawValue: "unknown-frequencies")
  /// Images or categories that are listed twice in the same words.
  public static let repeatedEntries = Self(rawValue: "repeated-entries")
  /// Ids of 2⁶³ or more.
  public static let wideIDs = Self(rawValue: "wide-ids")
  /// A file without a single annotation.
  public static let noAnnotations = Self(rawValue: "no-annotations")
  /// Annotations whose area is 0 or less.
  public static let areasOfZero = Self(rawValue: "areas-of-zero")
}

extension DataFinding {
  /// Annotations without `id`: each got its place in the file, counted from 1.
  public static func annotationsWithoutID(count: Int) -> Self {
    Self(
      .annotationsWithoutID, .note, count: count,
      "\(counted(count, "annotation has", "annotations have")) no id; their place in the file, from 1, serves instead")
  }

  /// Annotations without `area`: each got width × height of its box.
  public static func annotationsWithoutArea(count: Int) -> Self {
    Self(
      .annotationsWithoutArea, .note, count: count,
      "\(counted(count, "annotation has", "annotations have")) no area; width × height of the box serves instead")
  }

  /// Annotations without a box, where none was asked for.
  static func annotationsWithoutBox(count: Int, example: String?, isNeeded: Bool) -> Self {
    Self(
      .annotationsWithoutBox, isNeeded ? .warning : .note, count: count,
      "\(counted(count, "annotation has", "annotations have")) no box", example: example,
      remedy: isNeeded ? "they are counted all the same; scoring boxes needs 4 numbers: [x, y, width, height]" : nil)
  }

  /// Annotation ids that stand more than once, ascending. All the annotations are kept; an index by id finds the last.
  public static func duplicateAnnotationIDs(_ ids: [Int]) -> Self {
    Self(
      .duplicateAnnotationIDs, count: ids.count,
      "\(counted(ids.count, "annotation id stands", "annotation ids stand")) more than once (\(listed(ids))); all the "
        + "annotations are kept")
  }

  /// Annotations whose category is not among the categories; they are kept, and belong to no class.
  ///
  /// - Parameters:
  ///   - count: How many annotations.
  ///   - categoryIDs: Their categories, ascending.
  ///   - known: The categories that the file lists, ascending.
  public static func annotationsOfUnknownCategories(count: Int, categoryIDs: [Int], known: [Int] = []) -> Self {
    Self(
      .unknownCategories, count: count,
      "\(counted(count, "annotation is", "annotations are")) of categories that the file does not list "
        + "(\(listed(categoryIDs))); they count for no class",
      remedy: likelyCause(ofUnknown: categoryIDs, known: known))
  }

  /// Annotations of images that are not there; they were left out, as in lvis-api.
  public static func annotationsOfUnknownImages(count: Int, of all: Int, example: String) -> Self {
    Self(
      .unknownImages, count: count,
      "\(share(count, of: all, "annotation")) \(count == 1 ? "is" : "are") of images that the file does not list, and "
        + "left out", example: example, remedy: "reading with isStrict refuses such a file")
  }

  /// Images without `width` or `height`: the size is 0 × 0.
  ///
  /// - Parameter example: The place of the first, such as `images[0].width`.
  public static func imagesWithoutSize(count: Int, example: String? = nil) -> Self {
    Self(
      .imagesWithoutSize, count: count, "\(counted(count, "image has", "images have")) no width or height",
      example: example)
  }

  /// Images without `neg_category_ids`, in a file where others may have them.
  public static func imagesWithoutNegativeCategories(count: Int) -> Self {
    Self(
      .imagesWithoutNegatives, .note, count: count,
      "\(counted(count, "image has", "images have")) no neg_category_ids")
  }

  /// Images without `not_exhaustive_category_ids`, in a file where others may have them.
  public static func imagesWithoutNotExhaustiveCategories(count: Int) -> Self {
    Self(
      .imagesWithoutExhaustiveness, .note, count: count,
      "\(counted(count, "image has", "images have")) no not_exhaustive_category_ids")
  }

  /// Categories without `name`: each is named by its id.
  public static func categoriesWithoutName(count: Int) -> Self {
    Self(
      .categoriesWithoutName, count: count,
      "\(counted(count, "category has", "categories have")) no name; their id serves instead")
  }

  /// Categories without `frequency`.
  public static func categoriesWithoutFrequency(count: Int) -> Self {
    Self(
      .categoriesWithoutFrequency, count: count,
      "\(counted(count, "category has", "categories have")) no frequency")
  }

  /// Categories whose `frequency` is not r, c or f; it is taken as missing.
  ///
  /// - Parameter example: What one says instead.
  public static func unknownFrequencies(categoryIDs ids: [Int], example: String? = nil) -> Self {
    Self(
      .unknownFrequencies, count: ids.count,
      "the frequency of \(counted(ids.count, "category", "categories")) is not r, c or f (ids \(listed(ids))); it is "
        + "taken as missing", example: example,
      remedy: "write r, c or f, or give the evaluation frequencies from training image counts")
  }

  /// Entries that are listed twice in the same words; one of each is taken.
  ///
  /// - Parameters:
  ///   - list: `images` or `categories`.
  ///   - example: The place and id of one.
  static func repeatedEntries(_ list: String, count: Int, example: String) -> Self {
    Self(
      .repeatedEntries, count: count,
      "\(count) of the \(list) \(count == 1 ? "is" : "are") listed again in the same words, and taken once",
      example: example, remedy: "were two files put together?")
  }

  /// Ids of 2⁶³ or more.
  static func wideIDs(count: Int, example: String) -> Self {
    Self(
      .wideIDs, .note, count: count,
      "\(counted(count, "id is", "ids are")) 2^63 or more; they are shown and written as id − 2^64, which a signed "
        + "64-bit integer holds", example: example)
  }
}

/// Why ids may not be among those that a file lists.
///
/// - Parameters:
///   - unknown: Ids that are not listed, ascending.
///   - known: Those listed, ascending.
/// - Returns: A question; `nil` where nothing suggests itself.
package func likelyCause(ofUnknown unknown: [Int], known: [Int]) -> String? {
  guard let lowest = known.first, let highest = known.last, let least = unknown.first else { return nil }
  if unknown.count == 1, lowest > .min, least == lowest - 1 { return "are the ids counted from \(least)?" }
  if unknown.count == 1, highest < .max, least == highest + 1 { return "are the ids counted from \(lowest + 1)?" }
  let isGapless = highest.subtractingReportingOverflow(lowest).partialValue == known.count - 1
  if !isGapless, least >= 0, let last = unknown.last, last <= known.count {
    return "are they places in the list of categories, rather than ids?"
  }
  return "are they of another data set?"
}
