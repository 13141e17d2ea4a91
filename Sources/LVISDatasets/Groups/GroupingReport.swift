/// A group and what it holds.
public struct GroupSummary: Sendable, Equatable {
  /// `G1` and on.
  public let name: String
  /// The lower boundary, inclusive.
  public let lower: Int
  /// The upper boundary, exclusive; `nil` where the group is open.
  public let upper: Int?
  /// Its classes.
  public let categories: Int
  /// The instances of all its classes.
  public let instances: Int
}

extension GroupSummary: Codable {
  /// Writes the group; an open upper bound is `null`, not left out.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(lower, forKey: .lower)
    try container.encode(upper, forKey: .upper)
    try container.encode(categories, forKey: .categories)
    try container.encode(instances, forKey: .instances)
  }
}

extension CategoryGroups {
  /// Every foreground group and what it holds.
  public var summaries: [GroupSummary] {
    classesByGroup.enumerated().map { group, classes in
      GroupSummary(
        name: "G\(group + 1)", lower: lowerBound(ofGroup: group), upper: upperBound(ofGroup: group),
        categories: classes.count, instances: classes.reduce(0) { $0 + members[$1].instanceCount })
    }
  }

  /// The count of a class, by its index, that is held against the boundaries.
  public func groupingCount(of index: Int) -> Int {
    countedBy == .instances ? members[index].instanceCount : members[index].imageCount
  }

  /// Counts the classes of a data set and groups them.
  ///
  /// - Parameters:
  ///   - dataset: The training annotations.
  ///   - boundaries: How the boundaries are chosen.
  ///   - countedBy: Whether instances or images are held against them.
  ///   - source: Where the counts come from; the annotations, if there are any, unless given.
  /// - Throws: `CategoryGroupsError` if there are no such counts or boundaries, or no class.
  public init(
    counting dataset: LVISDataset, boundaries: GroupBoundaries = .usual, countedBy: CountedBy = .instances,
    from source: CountsSource? = nil
  ) throws {
    let source = source ?? dataset.defaultCountsSource
    try self.init(
      counts: dataset.categoryCounts(from: source), boundaries: boundaries, countedBy: countedBy, countsSource: source)
  }
}

/// What grouping the classes of a data set came to, and what was empty or odd: as `bags group` prints it in JSON.
public struct GroupingReport: Sendable, Codable, Equatable {
  /// The number of classes.
  public let categories: Int
  /// The instances of all classes.
  public let instances: Int
  /// The number of images.
  public let images: Int
  /// The number of annotations, crowds included.
  public let annotations: Int
  /// What was held against the boundaries.
  public let countedBy: CategoryGroups.CountedBy
  /// Where the counts came from.
  public let countsFrom: CountsSource
  /// The foreground groups.
  public let groups: [GroupSummary]
  /// Ids of the classes without an instance.
  public let categoriesWithoutInstances: [Int]
  /// Ids of the classes that state another count than their annotations give.
  public let categoriesThatStateOtherCounts: [Int]
  /// Images without an annotation; 0 where there are no annotations at all.
  public let imagesWithoutAnnotations: Int
  /// Crowd annotations.
  public let crowdsNotCounted: Int
  /// Annotation ids that stand more than once.
  public let duplicateAnnotationIds: [Int]
  /// What bears on the counts and should be looked into.
  public var warnings: [DataFinding]

  /// Looks at the data set that groups were counted over.
  public init(_ dataset: LVISDataset, groups: CategoryGroups) throws {
    let hasAnnotations = !dataset.annotations.isEmpty
    categories = groups.classCount
    self.groups = groups.summaries
    instances = self.groups.reduce(0) { $0 + $1.instances }
    images = dataset.images.count
    annotations = dataset.annotations.count
    countedBy = groups.countedBy
    countsFrom = groups.countsSource ?? dataset.defaultCountsSource
    categoriesWithoutInstances = groups.members.filter { $0.instanceCount == 0 }.map(\.id)
    categoriesThatStateOtherCounts =
      hasAnnotations ? dataset.categoriesThatStateOtherCounts(than: try dataset.categoryCounts(from: .annotations)) : []
    let index = dataset.imageIndex()
    var isAnnotated = [Bool](repeating: !hasAnnotations, count: dataset.images.count)
    for annotation in dataset.annotations {
      if let position = index.position(of: annotation.imageID) { isAnnotated[position] = true }
    }
    imagesWithoutAnnotations = isAnnotated.count { !$0 }
    crowdsNotCounted = dataset.annotations.count(where: \.isCrowd)
    duplicateAnnotationIds = dataset.duplicateAnnotationIDs
    let unneeded: [DataFinding.Code] = [.annotationsWithoutID, .annotationsWithoutArea, .imagesWithoutSize]
    let source = countsFrom
    warnings = dataset.findings().filter { finding in
      finding.code == .noAnnotations
        ? source == .annotations : !finding.concernsScoringOnly && !unneeded.contains(finding.code)
    }
  }
}
