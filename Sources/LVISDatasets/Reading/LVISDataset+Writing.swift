import DurableFiles

extension LVISDataset {
  /// Writes an annotation file that LVIS's and COCO's own tools read: one record a line, every number exact.
  ///
  /// Fields that are `nil` are left out, and so are `iscrowd` and `ignore` where they are false.
  ///
  /// - Parameters:
  ///   - path: The file; its folder must exist.
  ///   - description: What the file says of itself, as `info.description`.
  /// - Throws: `DatasetError` for a number that is not finite, which JSON cannot hold; `FileError`. What stood at `path`
  ///   is then as it was.
  public func write(to path: String, description: String? = nil) throws {
    let file = try DurableFile(at: path)
    try file.write("{")
    if let description { try file.write("\"info\":{\"description\":\(jsonText(description))},\n") }
    try write(images.lazy.map(\.json), as: "images", to: file)
    try file.write(",\n")
    try write(categories.lazy.map(\.json), as: "categories", to: file)
    try file.write(",\n")
    try write(
      annotations.indices.lazy.map { index in
        let segmentation = segmentations.flatMap { index < $0.count ? $0[index] : nil }
        return annotations[index].json(segmentation)
      }, as: "annotations", to: file)
    try file.write("}\n")
    try file.commit()
  }

  private func write(_ records: some Sequence<String?>, as name: String, to file: DurableFile) throws {
    try file.write("\"\(name)\":[")
    for (index, record) in records.enumerated() {
      guard let record else {
        throw DatasetError(
          path: file.path, place: "\(name)[\(index)]", problem: "holds a number that is not finite and has no JSON")
      }
      try file.write(index == 0 ? "\n" : ",\n")
      try file.write(record)
    }
    try file.write("]")
  }
}

extension LVISImage {
  fileprivate var json: String? {
    var fields = ["\"id\":\(id)", "\"width\":\(width)", "\"height\":\(height)"]
    if let ids = negativeCategoryIDs { fields.append("\"neg_category_ids\":\(jsonList(ids))") }
    if let ids = notExhaustiveCategoryIDs { fields.append("\"not_exhaustive_category_ids\":\(jsonList(ids))") }
    return jsonObject(fields)
  }
}

extension LVISCategory {
  fileprivate var json: String? {
    var fields = ["\"id\":\(id)", "\"name\":\(jsonText(name))"]
    if let frequency { fields.append("\"frequency\":\"\(frequency.rawValue)\"") }
    if let count = statedImageCount { fields.append("\"image_count\":\(count)") }
    if let count = statedInstanceCount { fields.append("\"instance_count\":\(count)") }
    return jsonObject(fields)
  }
}

extension LVISAnnotation {
  /// `nil` where a number is not finite.
  fileprivate func json(_ segmentation: Segmentation?) -> String? {
    let numbers = [box.x, box.y, box.width, box.height, area]
    guard numbers.allSatisfy(\.isFinite) else { return nil }
    var fields = [
      "\"id\":\(id)", "\"image_id\":\(imageID)", "\"category_id\":\(categoryID)",
      "\"bbox\":[\(numbers.prefix(4).map(jsonNumber).joined(separator: ","))]", "\"area\":\(jsonNumber(area))",
    ]
    if isCrowd { fields.append("\"iscrowd\":1") }
    if isIgnored { fields.append("\"ignore\":1") }
    if let segmentation {
      guard let text = segmentation.json else { return nil }
      fields.append("\"segmentation\":\(text)")
    }
    return jsonObject(fields)
  }
}

extension Segmentation {
  /// `nil` where a corner is not finite.
  fileprivate var json: String? {
    switch self {
    case .polygons(let polygons):
      guard polygons.allSatisfy({ $0.allSatisfy(\.isFinite) }) else { return nil }
      return "[" + polygons.map { "[" + $0.map(jsonNumber).joined(separator: ",") + "]" }.joined(separator: ",") + "]"
    case .runLengths(let height, let width, let counts):
      return "{\"size\":[\(height),\(width)],\"counts\":\(jsonList(counts))}"
    case .compressed(let height, let width, let counts):
      return "{\"size\":[\(height),\(width)],\"counts\":\(jsonText(String(decoding: counts, as: UTF8.self)))}"
    }
  }
}

private func jsonObject(_ fields: [String]) -> String { "{" + fields.joined(separator: ",") + "}" }

private func jsonList(_ numbers: [some BinaryInteger]) -> String {
  "[" + numbers.map { "\($0)" }.joined(separator: ",") + "]"
}

/// The shortest text that reads back as the same number; whole numbers without a point.
private func jsonNumber(_ number: Double) -> String {
  Int(exactly: number).map { "\($0)" } ?? "\(number)"
}

/// A quoted string; only what must be escaped is.
private func jsonText(_ text: String) -> String {
  var quoted = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": quoted += "\\\""
    case "\\": quoted += "\\\\"
    case "\u{0}"..<" ":
      let code = String(scalar.value, radix: 16)
      quoted += "\\u" + String(repeating: "0", count: 4 - code.count) + code
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "\""
}
