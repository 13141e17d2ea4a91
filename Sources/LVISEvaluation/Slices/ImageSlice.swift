import LVISDatasets

/// The images that have one value of an attribute, such as those taken at night.
public struct ImageSlice: Sendable, Equatable {
  /// The name of the attribute.
  public let attribute: String
  /// The value that its images have; of an attribute of many numbers, the range.
  public let value: String
  /// The ids of its images.
  public let imageIDs: Set<Int>

  /// Makes a slice of chosen images.
  public init(attribute: String, value: String, imageIDs: Set<Int>) {
    (self.attribute, self.value, self.imageIDs) = (attribute, value, imageIDs)
  }

  /// The most values that an attribute may have, a slice each.
  public static let mostValues = 50
  /// The most different numbers that are a slice each; more are divided into quarters.
  public static let mostNumbers = 10

  /// A slice for each value of an attribute, numbers ascending, else by the alphabet.
  ///
  /// Numbers of more than ten different values are divided into four slices of as many images, as far as equal numbers
  /// stay together.
  ///
  /// - Throws: `EvaluationError` for texts of more than 50 different values.
  public static func slices(of attribute: ImageAttribute) throws -> [ImageSlice] {
    let images = Dictionary(grouping: attribute.values.keys) { attribute.values[$0] ?? "" }
    let numbers = images.keys.compactMap { text in Double(text).flatMap { $0.isFinite ? ($0, text) : nil } }
    guard numbers.count == images.count else {
      guard images.count <= mostValues else {
        throw EvaluationError(
          .badOption,
          "attribute \(attribute.name) has \(images.count) different values; slices are for \(mostValues) at most")
      }
      return images.keys.sorted().map {
        ImageSlice(attribute: attribute.name, value: $0, imageIDs: Set(images[$0] ?? []))
      }
    }
    let ascending = numbers.sorted { $0 < $1 }.map(\.1)
    guard ascending.count > mostNumbers else {
      return ascending.map { ImageSlice(attribute: attribute.name, value: $0, imageIDs: Set(images[$0] ?? [])) }
    }
    var quarters = [[String]](repeating: [], count: 4)
    var done = 0
    for value in ascending {
      quarters[min(3, 4 * done / attribute.values.count)].append(value)
      done += images[value]?.count ?? 0
    }
    return quarters.compactMap { values in
      guard let first = values.first, let last = values.last else { return nil }
      return ImageSlice(
        attribute: attribute.name, value: first == last ? first : "\(first) to \(last)",
        imageIDs: Set(values.flatMap { images[$0] ?? [] }))
    }
  }
}
