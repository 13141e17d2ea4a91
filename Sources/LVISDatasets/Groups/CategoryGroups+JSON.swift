import DurableFiles
import Foundation

extension CategoryGroups: Codable {
  /// The version of groups.json that this program writes.
  static let fileVersion = 1

  /// Reads a groups.json.
  ///
  /// - Parameter path: The file.
  /// - Throws: `FileError` if it cannot be read; `CategoryGroupsError`, naming file and field, if it is no groups.json or
  ///   contradicts itself.
  public init(contentsOf path: String) throws {
    let file = try MappedFile(at: path)
    try self.init(json: withExtendedLifetime(file) { Data(file.bytes) }, source: path)
  }

  /// Reads the text of a groups.json.
  ///
  /// - Parameters:
  ///   - json: The text.
  ///   - source: Where it came from, for errors.
  /// - Throws: `CategoryGroupsError`, naming source and field.
  public init(json: Data, source: String) throws {
    do {
      self = try JSONDocument.value(from: json)
    } catch let error as DecodingError {
      throw CategoryGroupsError(.format, "\(error.place); `bags group` writes this file", path: source)
    } catch let error as CategoryGroupsError {
      throw error.inFile(source)
    }
  }

  /// Reads groups as a groups.json holds them.
  ///
  /// - Throws: `CategoryGroupsError` if they contradict themselves.
  public init(from decoder: any Decoder) throws {
    let stored = try StoredGroups(from: decoder)
    guard stored.format == StoredGroups.formatName else {
      throw CategoryGroupsError(.format, "format is \"\(stored.format)\", not \"\(StoredGroups.formatName)\"")
    }
    guard stored.version == Self.fileVersion else {
      throw CategoryGroupsError(
        .version, "version \(stored.version) is not known to this program, which reads \(Self.fileVersion)")
    }
    for (position, category) in stored.categories.enumerated()
    where !StoredGroups.counts.contains(category.instanceCount) || !StoredGroups.counts.contains(category.imageCount) {
      throw CategoryGroupsError(
        .counts, "has a count that is negative or too large", place: "categories[\(position)]")
    }
    try self.init(
      counts: stored.categories.map {
        CategoryCount(id: $0.id, name: $0.name, instances: $0.instanceCount, images: $0.imageCount)
      }, boundaries: stored.boundaries, countedBy: stored.countedBy, countsSource: stored.countsFrom)
    for (position, category) in stored.categories.enumerated() {
      let group = group(ofCategory: category.id).map { $0 + 1 }
      if group != category.group {
        throw CategoryGroupsError(
          .counts, "is \(category.group), its count puts it into \(group ?? 0)", place: "categories[\(position)].group")
      }
    }
  }

  /// Writes a groups.json.
  ///
  /// - Throws: `FileError`; what stood at `path` is then as it was.
  public func write(to path: String) throws {
    try DurableFile.write(json(pretty: true) + "\n", to: path)
  }

  /// The text of a groups.json.
  ///
  /// - Parameter pretty: On lines of their own, or all in one.
  public func json(pretty: Bool = false) throws -> String { try JSONDocument.text(self, isPretty: pretty) }

  /// Writes groups as a groups.json holds them.
  public func encode(to encoder: any Encoder) throws {
    let categories = members.map {
      StoredGroups.Category(
        id: $0.id, name: $0.name, instanceCount: $0.instanceCount, imageCount: $0.imageCount, group: $0.group + 1)
    }
    try StoredGroups(boundaries: boundaries, countedBy: countedBy, countsFrom: countsSource, categories: categories)
      .encode(to: encoder)
  }
}

/// groups.json as it stands in the file.
private struct StoredGroups: Codable {
  static let formatName = "bags-groups"
  /// What a count may be, so that sums of counts fit.
  static let counts = 0...1 << 40

  struct Category: Codable {
    var id: Int
    var name: String
    var instanceCount: Int
    var imageCount: Int
    /// 1 for G1.
    var group: Int
  }

  var format = StoredGroups.formatName
  var version = CategoryGroups.fileVersion
  var boundaries: [Int]
  var countedBy: CategoryGroups.CountedBy
  var countsFrom: CountsSource?
  var categories: [Category]
}
