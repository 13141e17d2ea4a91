import DurableFiles
import Foundation
import LVISDatasets

extension ClassWeightTable {
  /// Reads a table from CSV, `class,weight` a line, or from JSON, an object of weights by class.
  ///
  /// A class is named by its category id, its name, or `background`. In CSV a first line without a number is taken for a
  /// heading, names with commas stand between quotation marks, and empty lines and those that begin with `#` are passed
  /// over.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - groups: The classes.
  /// - Throws: `FileError` if it cannot be read; `TrainingRecipeError`, naming the line or the key, where it is at fault.
  public init(contentsOf path: String, groups: CategoryGroups) throws {
    let file = try MappedFile(at: path)
    let data = withExtendedLifetime(file) { Data(file.bytes) }
    guard let text = String(data: data, encoding: .utf8) else {
      throw TrainingRecipeError(.badClassWeights, "\(path): is no UTF-8 text; class weights are CSV or JSON")
    }
    let entries =
      text.first { !$0.isWhitespace && $0 != "\u{FEFF}" } == "{"
      ? try Self.jsonEntries(data, path) : try Self.csvEntries(text, path)
    guard !entries.isEmpty else {
      throw TrainingRecipeError(.badClassWeights, "\(path): holds no class weights, such as background,0.5")
    }
    self.init(byCategory: [:])
    let names = Dictionary(groups.members.map { ($0.name, [$0.id]) }, uniquingKeysWith: +)
    var seen: Set<Int?> = []
    for entry in entries {
      let id = try Self.category(entry, groups: groups, names: names)
      guard Self.range.contains(entry.weight) else {
        throw TrainingRecipeError(
          .badClassWeights, "\(entry.place): the weight must be from 0 to 1e6, not \(entry.weight)")
      }
      guard seen.insert(id).inserted else {
        throw TrainingRecipeError(.badClassWeights, "\(entry.place): '\(entry.name)' stands twice")
      }
      if let id { byCategory[id] = entry.weight } else { background = entry.weight }
    }
  }

  private struct Entry {
    let name: String
    let weight: Double
    /// The file, and where in it.
    let place: String
  }

  /// The category that an entry names; `nil` for background.
  private static func category(_ entry: Entry, groups: CategoryGroups, names: [String: [Int]]) throws -> Int? {
    if let id = Int(entry.name), groups.classIndex(ofCategory: id) != nil { return id }
    let named = names[entry.name] ?? []
    guard named.count <= 1 else {
      throw TrainingRecipeError(
        .badClassWeights, "\(entry.place): \(named.count) categories are called '\(entry.name)'; write the id")
    }
    if let id = named.first { return id }
    guard entry.name == "background" else {
      throw TrainingRecipeError(
        .badClassWeights,
        "\(entry.place): '\(entry.name)' is neither background nor the id or the name of one of the "
          + "\(groups.classCount) categories")
    }
    return nil
  }

  private static func jsonEntries(_ data: Data, _ path: String) throws -> [Entry] {
    do {
      return try JSONDecoder().decode([String: Double].self, from: data).sorted { $0.key < $1.key }.map {
        Entry(name: $0, weight: $1, place: "\(path): \($0)")
      }
    } catch let error as DecodingError {
      var problem = error.place
      if case .dataCorrupted(let context) = error, context.codingPath.isEmpty,
        let reason = (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"]
      {
        problem = "is not valid JSON: \(reason)"
      }
      throw TrainingRecipeError(
        .badClassWeights, "\(path): \(problem); an object of weights by class is expected, {\"background\": 0.5}")
    }
  }

  private static func csvEntries(_ text: String, _ path: String) throws -> [Entry] {
    var entries: [Entry] = []
    var isFirst = true
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let line = line.drop { $0 == "\u{FEFF}" }.trimmingCharacters(in: .whitespaces)
      if line.isEmpty || line.hasPrefix("#") { continue }
      defer { isFirst = false }
      guard let comma = line.lastIndex(of: ",") else {
        throw TrainingRecipeError(
          .badClassWeights, "\(path):\(index + 1): '\(line)' is no class and weight with a comma between them")
      }
      let number = line[line.index(after: comma)...].trimmingCharacters(in: .whitespaces)
      var name = line[..<comma].trimmingCharacters(in: .whitespaces)
      if name.count > 1, name.hasPrefix("\""), name.hasSuffix("\"") {
        name = String(name.dropFirst().dropLast()).replacing("\"\"", with: "\"")
      }
      guard let weight = Double(number) else {
        if isFirst { continue }
        throw TrainingRecipeError(.badClassWeights, "\(path):\(index + 1): the weight '\(number)' is no number")
      }
      entries.append(Entry(name: name, weight: weight, place: "\(path):\(index + 1)"))
    }
    return entries
  }
}
