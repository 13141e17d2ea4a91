/// Classes in groups by instance count: the heart of balanced group softmax (Li et al., CVPR 2020, §4.2).
///
/// Group k (1-based: G1…Gn) holds the classes with `boundaries[k-1] <= count < boundaries[k]`, the last one being open;
/// a class without instances falls into G1. Background is G0 and has no entry here. Classes are indexed 0..<C by
/// ascending category id everywhere, whatever their order in a file.
public struct CategoryGroups: Sendable, Equatable {
  /// A class with its counts and its group.
  public struct Member: Sendable, Equatable {
    /// The category's id.
    public let id: Int
    /// The category's name.
    public let name: String
    /// The number n_c of training instances.
    public let instanceCount: Int
    /// The number m_c of training images with at least one instance.
    public let imageCount: Int
    /// The index of its group, 0-based among the foreground groups: 0 is G1.
    public let group: Int
  }

  /// The counts that are compared with the boundaries.
  public enum CountedBy: String, Sendable, Codable, CaseIterable {
    /// The instances of a class, as in the paper.
    case instances
    /// The images of a class, as for LVIS's rare, common and frequent.
    case images
  }

  /// The inner boundaries, ascending: 10, 100, 1000 in the paper.
  public let boundaries: [Int]
  /// The counts that were compared with the boundaries.
  public let countedBy: CountedBy
  /// The source of the counts; `nil` where that is not known.
  public let countsSource: CountsSource?
  /// The classes by ascending category id.
  public let members: [Member]
  /// For every foreground group the class indices of its members, ascending.
  public let classesByGroup: [[Int]]

  /// Groups classes by their counts.
  ///
  /// - Parameters:
  ///   - counts: Id, name and counts of every class, in any order.
  ///   - boundaries: The inner boundaries, positive and ascending.
  ///   - countedBy: Whether instances or images are held against them.
  ///   - countsSource: Where the counts came from, to be kept with the groups.
  /// - Throws: `CategoryGroupsError` if the boundaries do not ascend from above 0, an id stands twice, or there is no
  ///   class.
  public init(
    counts: [CategoryCount], boundaries: [Int] = [10, 100, 1000], countedBy: CountedBy = .instances,
    countsSource: CountsSource? = nil
  ) throws {
    guard zip([0] + boundaries, boundaries).allSatisfy(<) else {
      throw CategoryGroupsError(.boundaries, "boundaries must ascend from above 0, not \(boundaries)")
    }
    guard !counts.isEmpty else { throw CategoryGroupsError(.classes, "there are no categories to group") }
    let sorted = counts.sorted { $0.id < $1.id }
    if let twice = zip(sorted, sorted.dropFirst()).first(where: { $0.id == $1.id }) {
      throw CategoryGroupsError(.classes, "category id \(twice.0.id) stands twice")
    }
    let members = sorted.map { count in
      let held = countedBy == .instances ? count.instances : count.images
      return Member(
        id: count.id, name: count.name, instanceCount: count.instances, imageCount: count.images,
        group: boundaries.firstIndex { held < $0 } ?? boundaries.count)
    }
    self.boundaries = boundaries
    self.countedBy = countedBy
    self.countsSource = countsSource
    self.members = members
    var classesByGroup = [[Int]](repeating: [], count: boundaries.count + 1)
    for (index, member) in members.enumerated() { classesByGroup[member.group].append(index) }
    self.classesByGroup = classesByGroup
  }

  /// The same classes with the same counts, in groups divided at other boundaries.
  ///
  /// - Parameter boundaries: The inner boundaries, positive and ascending; none for one group.
  /// - Throws: `CategoryGroupsError` if the boundaries do not ascend from above 0.
  public func divided(at boundaries: [Int]) throws -> CategoryGroups {
    try CategoryGroups(
      counts: members.map {
        CategoryCount(id: $0.id, name: $0.name, instances: $0.instanceCount, images: $0.imageCount)
      }, boundaries: boundaries, countedBy: countedBy, countsSource: countsSource)
  }

  /// The number C of foreground classes.
  public var classCount: Int { members.count }

  /// The number of foreground groups; G0 is not among them.
  public var groupCount: Int { classesByGroup.count }

  /// The lower boundary, inclusive, of a foreground group (0-based).
  public func lowerBound(ofGroup group: Int) -> Int { group == 0 ? 0 : boundaries[group - 1] }

  /// The upper boundary, exclusive, of a foreground group (0-based); `nil` for the last, which is open.
  public func upperBound(ofGroup group: Int) -> Int? { group < boundaries.count ? boundaries[group] : nil }

  /// The class index of a category id; `nil` for an id that is not grouped.
  public func classIndex(ofCategory id: Int) -> Int? {
    var low = 0
    var high = members.count
    while low < high {
      let middle = (low + high) / 2
      if members[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < members.count && members[low].id == id ? low : nil
  }

  /// The foreground group, 0-based, of a category id; `nil` for an id that is not grouped.
  ///
  /// - Complexity: O(log C).
  public func group(ofCategory id: Int) -> Int? { classIndex(ofCategory: id).map { members[$0].group } }
}

/// A category and its training counts, from which groups are made.
public struct CategoryCount: Sendable, Equatable {
  /// The category's id.
  public var id: Int
  /// The category's name.
  public var name: String
  /// The number n_c of training instances.
  public var instances: Int
  /// The number m_c of training images with at least one instance.
  public var images: Int

  /// Makes a count of a category.
  public init(id: Int, name: String, instances: Int, images: Int) {
    self.id = id
    self.name = name
    self.instances = instances
    self.images = images
  }
}
