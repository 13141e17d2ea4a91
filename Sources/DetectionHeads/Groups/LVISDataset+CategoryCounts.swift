import LVISDatasets

/// Where the counts of a data set's categories come from.
public enum CountsSource: String, Sendable, Codable, CaseIterable {
  /// Counted over the annotations.
  case annotations
  /// `instance_count` and `image_count` as the categories state them.
  case categories
}

extension LVISDataset {
  /// n_c and m_c of every category, by ascending id.
  ///
  /// Crowds (`iscrowd`) are no instances, as in detectron2 and mmdetection, which never train on them. Records with the
  /// same annotation id are counted each.
  ///
  /// - Parameter source: Where from; unless given, the annotations if there are any, else the categories.
  /// - Throws: `CategoryGroupsError` if the categories are asked for and one does not state its counts.
  public func categoryCounts(from source: CountsSource? = nil) throws -> [CategoryCount] {
    switch source ?? (annotations.isEmpty ? .categories : .annotations) {
    case .annotations: countedOverAnnotations()
    case .categories: try statedCounts()
    }
  }

  private func countedOverAnnotations() -> [CategoryCount] {
    let index = categoryIndex()
    var counts = categories.map { CategoryCount(id: $0.id, name: $0.name, instances: 0, images: 0) }
    var pairs = Set<ImageAndCategory>()
    for annotation in annotations where !annotation.isCrowd {
      guard let position = index.position(of: annotation.categoryID) else { continue }
      counts[position].instances += 1
      if pairs.insert(ImageAndCategory(imageID: annotation.imageID, category: position)).inserted {
        counts[position].images += 1
      }
    }
    return counts
  }

  private func statedCounts() throws -> [CategoryCount] {
    try categories.map { category in
      guard let instances = category.statedInstanceCount else {
        throw CategoryGroupsError(
          "category \(category.id) (\(category.name)) states no instance_count, and there are no annotations to count")
      }
      return CategoryCount(
        id: category.id, name: category.name, instances: instances, images: category.statedImageCount ?? instances)
    }
  }
}

private struct ImageAndCategory: Hashable {
  let imageID: Int
  let category: Int
}
