import DurableFiles
import Foundation

/// The class that scores best for each image, read from class scores as `bags predict` writes them, CSV or JSON: what top-1
/// accuracy looks at.
///
/// CSV has a header `image_id,<category id>,…` and a line of scores for each image; JSON is
/// `{"category_ids": [...], "images": [{"image_id": 1, "scores": [...]}, ...]}`.
public struct ClassPredictions: Sendable, Equatable {
  /// The path as the user gave it.
  public let path: String
  /// The category of each column of scores.
  public let categoryIDs: [Int]
  /// The category with the highest score, the first of equal ones, by image id.
  public let best: [Int: Int]

  /// Reads class scores.
  ///
  /// - Parameter path: The file; its first byte tells JSON from CSV.
  /// - Throws: `DatasetError` that names the line or the image, where the file is none of the two, a number is missing or
  ///   not finite, or an image stands twice; `FileError` where it cannot be read.
  public init(contentsOf path: String) throws {
    let file = try MappedFile(at: path)
    self.path = path
    (categoryIDs, best) = try withExtendedLifetime(file) {
      let isJSON = file.bytes.first { $0 > 32 } == UInt8(ascii: "{")
      return try isJSON ? Self.readJSON(file) : Self.readCSV(file)
    }
  }

  private struct Document: Decodable {
    struct Image: Decodable {
      let image_id: Int
      let scores: [Float]
    }
    let category_ids: [Int]
    let images: [Image]
  }

  private static func readJSON(_ file: MappedFile) throws -> ([Int], [Int: Int]) {
    let document: Document
    do {
      document = try JSONDecoder().decode(Document.self, from: Data(file.bytes))
    } catch {
      throw DatasetError(
        path: file.path, code: .otherFormat, problem: "holds no class scores",
        advice: "`bags predict` writes them for features without boxes: {\"category_ids\": […], \"images\": […]}")
    }
    var best: [Int: Int] = [:]
    for (place, image) in document.images.enumerated() {
      try add(
        image.scores, of: image.image_id, document.category_ids, to: &best, file.path, place: "images[\(place)]")
    }
    return (document.category_ids, best)
  }

  private static func readCSV(_ file: MappedFile) throws -> ([Int], [Int: Int]) {
    var lines = CSVLines(file.bytes)
    let header = lines.next() ?? []
    let ids = header.dropFirst().compactMap { Int($0) }
    guard header.first == "image_id", ids.count == header.count - 1, !ids.isEmpty else {
      throw DatasetError(
        path: file.path, code: .otherFormat, place: "line 1",
        problem: "is no header of class scores: image_id and the category ids")
    }
    var best: [Int: Int] = [:]
    while let line = lines.next() {
      let place = "line \(lines.number)"
      let scores = line.dropFirst().compactMap { Float($0) }
      guard let image = line.first.flatMap({ Int($0) }), scores.count == line.count - 1 else {
        throw DatasetError(path: file.path, code: .badValue, place: place, problem: "holds what is no number")
      }
      try add(scores, of: image, ids, to: &best, file.path, place: place)
    }
    return (ids, best)
  }

  private static func add(
    _ scores: [Float], of image: Int, _ ids: [Int], to best: inout [Int: Int], _ path: String, place: String
  ) throws {
    guard scores.count == ids.count, scores.allSatisfy(\.isFinite), var top = scores.indices.first else {
      throw DatasetError(
        path: path, code: .badValue, place: place,
        problem: "image \(image) has no \(ids.count) finite scores, one a category")
    }
    for index in scores.indices where scores[index] > scores[top] { top = index }
    guard best.updateValue(ids[top], forKey: image) == nil else {
      throw DatasetError(
        path: path, code: .inconsistent, place: place, problem: "image \(image) stands twice",
        advice: "average the scores of several crops of an image first")
    }
  }
}

/// The category of each image, from annotations with one category an image (COCO-like, boxes or not), or from CSV with the
/// columns `image_id` and `category_id`.
public struct ClassLabels: Sendable, Equatable {
  /// The path as the user gave it.
  public let path: String
  /// The category by image id.
  public let categories: [Int: Int]

  /// Reads labels.
  ///
  /// - Parameter path: The file; its first byte tells JSON from CSV.
  /// - Throws: `DatasetError` where the file is none of the two, or an image has no category or several; `FileError` where
  ///   it cannot be read.
  public init(contentsOf path: String) throws {
    let file = try MappedFile(at: path)
    self.path = path
    categories = try withExtendedLifetime(file) {
      if file.bytes.first(where: { $0 > 32 }) == UInt8(ascii: "{") { return try Self.ofAnnotations(at: path) }
      return try Self.readCSV(file)
    }
    guard !categories.isEmpty else { throw DatasetError(path: path, code: .missing, problem: "labels no image") }
  }

  private static func ofAnnotations(at path: String) throws -> [Int: Int] {
    let dataset = try LVISDataset(contentsOf: path, including: [])
    var categories: [Int: Int] = [:]
    for annotation in dataset.annotations {
      let other = categories.updateValue(annotation.categoryID, forKey: annotation.imageID)
      if let other, other != annotation.categoryID {
        throw DatasetError(
          path: path, code: .inconsistent, place: "image \(annotation.imageID)",
          problem: "is of the categories \(min(other, annotation.categoryID)) and \(max(other, annotation.categoryID))",
          advice: "top-1 accuracy is of images with one category each")
      }
    }
    return categories
  }

  private static func readCSV(_ file: MappedFile) throws -> [Int: Int] {
    var lines = CSVLines(file.bytes)
    guard lines.next() == ["image_id", "category_id"] else {
      throw DatasetError(
        path: file.path, code: .otherFormat, place: "line 1",
        problem: "is no header of labels: image_id,category_id", advice: "or give annotations as JSON")
    }
    var categories: [Int: Int] = [:]
    while let line = lines.next() {
      guard line.count == 2, let image = Int(line[0]), let category = Int(line[1]),
        categories.updateValue(category, forKey: image) == nil
      else {
        throw DatasetError(
          path: file.path, code: .badValue, place: "line \(lines.number)",
          problem: "is no image id and category id, or an image that stands above")
      }
    }
    return categories
  }
}

/// The fields of the lines of a CSV text without quotes; empty lines are passed over.
private struct CSVLines: IteratorProtocol {
  private let bytes: UnsafeRawBufferPointer
  private var start = 0
  /// The number of the line that came last, from 1.
  private(set) var number = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func next() -> [Substring]? {
    while start < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
      let length = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.count
      let line = String(decoding: rest[..<length], as: UTF8.self).filter { $0 != "\r" }
      start += length + 1
      number += 1
      if !line.isEmpty { return line.split(separator: ",", omittingEmptySubsequences: false) }
    }
    return nil
  }
}
