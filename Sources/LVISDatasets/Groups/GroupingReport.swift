/// A group, its boundaries, and the classes and instances that it holds.
public struct GroupSummary: Sendable, Equatable {
  /// The name of the group: `G1` for the rarest classes, and on.
  public let name: String
  /// The lower boundary of the counts, inclusive.
  public let lower: Int
  /// The upper boundary of the counts, exclusive; `nil` where the group is open.
  public let upper: Int?
  /// The number of its classes.
  public let categories: Int
  /// The number of instances of all its classes.
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

/// The groups of a data set's classes, their counts, and what was empty or odd: as `bags group` prints it in JSON.
public struct GroupingReport: Sendable, Codable, Equatable {
  /// The number of classes of the data set.
  public let categories: Int
  /// The number of instances of all classes.
  public let instances: Int
  /// The number of images of the data set.
  public let images: Int
  /// The number of annotations, crowds included.
  public let annotations: Int
  /// The counts that were compared with the boundaries.
  public let countedBy: CategoryGroups.CountedBy
  /// The source of the counts.
  public let countsFrom: CountsSource
  /// The foreground groups, the rarest first.
  public let groups: [GroupSummary]
  /// The ids of the classes without an instance.
  public let categoriesWithoutInstances: [Int]
  /// The ids of the classes that state another count than their annotations give.
  public let categoriesThatStateOtherCounts: [Int]
  /// The number of images without an annotation; 0 where there are no annotations at all.
  public let imagesWithoutAnnotations: Int
  /// The number of crowd annotations, which are not counted as instances.
  public let crowdsNotCounted: Int
  /// The annotation ids that stand more than once.
  public let duplicateAnnotationIds: [Int]
  /// The findings that bear on the counts and should be looked into.
  public var warnings: [DataFinding]

  /// Reports on the data set that groups were counted over.
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
