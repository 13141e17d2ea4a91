/// What was odd in an annotation file, and what was done about it.
public enum DatasetWarning: Sendable, Equatable, CustomStringConvertible {
  /// Annotations without `id`: each got its place in the file, counted from 1.
  case annotationsWithoutID(count: Int)
  /// Annotations without `area`: each got width times height of its box.
  case annotationsWithoutArea(count: Int)
  /// Annotation ids that stand more than once, ascending. All the annotations are kept; an index by id finds the last.
  case duplicateAnnotationIDs([Int])
  /// Annotations whose category is not among the categories; they are kept, and belong to no class.
  case annotationsOfUnknownCategories(count: Int, categoryIDs: [Int])
  /// Images without `width` or `height`: the size is 0 × 0.
  case imagesWithoutSize(count: Int)
  /// Images without `neg_category_ids`, in a file where others may have them.
  case imagesWithoutNegativeCategories(count: Int)
  /// Images without `not_exhaustive_category_ids`, in a file where others may have them.
  case imagesWithoutNotExhaustiveCategories(count: Int)
  /// Categories without `name`: each is named by its id.
  case categoriesWithoutName(count: Int)
  /// Categories without `frequency`.
  case categoriesWithoutFrequency(count: Int)
  /// Categories whose `frequency` is not r, c or f; it is taken as missing.
  case unknownFrequencies(categoryIDs: [Int])

  /// One line, without the file's name.
  public var description: String {
    switch self {
    case .annotationsWithoutID(let count):
      "\(count) annotations have no id; their place in the file, from 1, serves instead"
    case .annotationsWithoutArea(let count):
      "\(count) annotations have no area; width × height of the box serves instead"
    case .duplicateAnnotationIDs(let ids):
      "\(ids.count) annotation ids stand more than once (\(list(ids))); all the annotations are kept"
    case .annotationsOfUnknownCategories(let count, let ids):
      "\(count) annotations are of categories that the file does not list (\(list(ids))); they count for no class"
    case .imagesWithoutSize(let count):
      "\(count) images have no width or height"
    case .imagesWithoutNegativeCategories(let count):
      "\(count) images have no neg_category_ids"
    case .imagesWithoutNotExhaustiveCategories(let count):
      "\(count) images have no not_exhaustive_category_ids"
    case .categoriesWithoutName(let count):
      "\(count) categories have no name; their id serves instead"
    case .categoriesWithoutFrequency(let count):
      "\(count) categories have no frequency"
    case .unknownFrequencies(let ids):
      "the frequency of \(ids.count) categories is not r, c or f (ids \(list(ids))); it is taken as missing"
    }
  }

  /// Whether what is missing is needed for scoring detections alone, and not for training or counting.
  public var concernsScoringOnly: Bool {
    switch self {
    case .imagesWithoutNegativeCategories, .imagesWithoutNotExhaustiveCategories, .categoriesWithoutFrequency,
      .unknownFrequencies:
      true
    default: false
    }
  }

  private func list(_ ids: [Int]) -> String {
    let shown = ids.prefix(5).map(String.init).joined(separator: ", ")
    return ids.count > 5 ? shown + ", …" : shown
  }
}
