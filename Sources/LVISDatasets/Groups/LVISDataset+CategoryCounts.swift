/// The source of the counts of a data set's categories.
public enum CountsSource: String, Sendable, Codable, CaseIterable {
  /// Counted over the annotations.
  case annotations
  /// `instance_count` and `image_count` as the categories state them.
  case categories
}

extension LVISDataset {
  /// The source of counts unless the user decides: the annotations if there are any, else the categories.
  public var defaultCountsSource: CountsSource { annotations.isEmpty ? .categories : .annotations }

  /// n_c and m_c of every category, by ascending id.
  ///
  /// Crowds (`iscrowd`) are no instances, as in detectron2 and mmdetection, which never train on them. Annotations with
  /// the same id are counted each. A category that states no `image_count` has as many images as instances.
  ///
  /// - Parameter source: Where from; `defaultCountsSource` unless given.
  /// - Throws: `CategoryGroupsError` if there are no annotations to count, or a category does not state its counts.
  public func categoryCounts(from source: CountsSource? = nil) throws -> [CategoryCount] {
    switch source ?? defaultCountsSource {
    case .annotations:
      guard !annotations.isEmpty else { throw CategoryGroupsError(.counts, "there are no annotations to count") }
      return countedOverAnnotations()
    case .categories: return try statedCounts()
    }
  }

  /// Ids of the categories whose stated `instance_count` is not the number of their annotations, ascending; none where
  /// there are no annotations.
  ///
  /// - Parameter counts: What was counted over the annotations.
  public func categoriesThatStateOtherCounts(than counts: [CategoryCount]) -> [Int] {
    guard !annotations.isEmpty else { return [] }
    return zip(categories, counts).compactMap { category, count in
      category.statedInstanceCount.map { $0 == count.instances } == false ? category.id : nil
    }
  }

  private func countedOverAnnotations() -> [CategoryCount] {
    let (imageIndex, categoryIndex) = (imageIndex(), categoryIndex())
    var counts = categories.map { CategoryCount(id: $0.id, name: $0.name, instances: 0, images: 0) }
    // Where each category's stretch of `imagesByCategory` begins; once filled, where it ends.
    var ends = [Int](repeating: 0, count: counts.count + 1)
    var instances: [(category: Int, image: Int)] = []
    instances.reserveCapacity(annotations.count)
    for annotation in annotations where !annotation.isCrowd {
      guard let category = categoryIndex.position(of: annotation.categoryID) else { continue }
      counts[category].instances += 1
      if let image = imageIndex.position(of: annotation.imageID) {
        instances.append((category, image))
        ends[category + 1] += 1
      }
    }
    for category in counts.indices { ends[category + 1] += ends[category] }
    var imagesByCategory = [Int](repeating: 0, count: instances.count)
    for (category, image) in instances {
      imagesByCategory[ends[category]] = image
      ends[category] += 1
    }
    // Class by class: an image counts where it was last seen with another class.
    var lastCategory = [Int](repeating: -1, count: images.count)
    for category in counts.indices {
      for image in imagesByCategory[(category == 0 ? 0 : ends[category - 1])..<ends[category]]
      where lastCategory[image] != category {
        lastCategory[image] = category
        counts[category].images += 1
      }
    }
    return counts
  }

  private func statedCounts() throws -> [CategoryCount] {
    try categories.map { category in
      guard let instances = category.statedInstanceCount else {
        throw CategoryGroupsError(
          .counts,
          "category \(category.id) (\(category.name)) states no instance_count"
            + (annotations.isEmpty ? ", and there are no annotations to count" : ""))
      }
      return CategoryCount(
        id: category.id, name: category.name, instances: instances, images: category.statedImageCount ?? instances)
    }
  }
}
