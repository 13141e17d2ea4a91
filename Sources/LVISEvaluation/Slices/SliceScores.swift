import DurableFiles
import LVISDatasets

/// The metrics on the images of one slice alone: its detections and its objects.
public struct SliceScores: Sendable {
  /// The name of the attribute.
  public let attribute: String
  /// The value that the images have.
  public let value: String
  /// The number of images.
  public let imageCount: Int
  /// The number of objects that count.
  public let objectCount: Int
  /// The number of detections that count.
  public let detectionCount: Int
  /// The metrics of these images.
  public let metrics: [EvaluationResult.Metric]
  /// The intervals of the metrics, by drawing among these images; `nil` where none were asked for.
  public let intervals: MetricIntervals?

  /// A metric by name; `nil` for a name that is not measured, and where there is no object to measure it by.
  public subscript(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }
}

extension LVISEvaluator {
  /// Scores detections on slices of the images, each by itself.
  ///
  /// - Parameters:
  ///   - detections: The detections in all images; the caps are those of the whole.
  ///   - slices: Sets of images; ids that the ground truth does not know are passed over.
  ///   - replicates: How many times a slice's images are drawn for its intervals; 0 for none.
  ///   - seed: What the draws come from.
  ///   - progress: Told, from 0 to 1, how much is done.
  /// - Returns: A row a slice, those without images of the ground truth left out.
  public func scores(
    of detections: PreparedDetections, on slices: [ImageSlice], replicates: Int = 1000, seed: UInt64 = 0,
    progress: (Double) -> Void = { _ in }
  ) -> [SliceScores] {
    let store = store(of: detections)
    let objects = objectCountsByImage
    return slices.enumerated().compactMap { index, slice -> SliceScores? in
      var places = [Int32](repeating: -1, count: truth.images.count)
      var count: Int32 = 0
      for (image, id) in truth.images.ids.enumerated() where slice.imageIDs.contains(id) {
        places[image] = count
        count += 1
      }
      guard count > 0 else { return nil }
      let part = store.part(inImagesAt: places)
      let result = result(
        part, objectCounts: objectCounts { places[$0] >= 0 }, detectionCount: part.detectionCount,
        cappedCount: part.detectionCount, findings: [])
      var intervals: MetricIntervals?
      if replicates > 0 {
        let own = objects.map { list in
          list.filter { places[Int($0.image)] >= 0 }.map { (image: places[Int($0.image)], count: $0.count) }
        }
        let drawn = self.replicates(
          of: weightedLists(of: part), result, objects: own, imageCount: Int(count), count: replicates, seed: seed
        ) { progress((Double(index) + $0) / Double(slices.count)) }
        intervals = MetricIntervals(drawn, of: result)
      }
      return SliceScores(
        attribute: slice.attribute, value: slice.value, imageCount: Int(count),
        objectCount: result.classes.reduce(0) { $0 + $1.objectCount }, detectionCount: part.detectionCount,
        metrics: result.metrics, intervals: intervals)
    }
  }
}

/// In JSON, the metrics stand beside the other fields, each under its name; −1 where one cannot be measured.
extension SliceScores: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case attribute, value, images, objects, detections, intervals
  }

  /// Reads a slice.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    attribute = try container.decode(String.self, forKey: .attribute)
    value = try container.decode(String.self, forKey: .value)
    imageCount = try container.decode(Int.self, forKey: .images)
    objectCount = try container.decode(Int.self, forKey: .objects)
    detectionCount = try container.decode(Int.self, forKey: .detections)
    intervals = try container.decodeIfPresent(MetricIntervals.self, forKey: .intervals)
    metrics = try [EvaluationResult.Metric](
      namedIn: decoder.container(keyedBy: NamedKey.self), besides: CodingKeys.allCases.map(\.rawValue))
  }

  /// Writes the slice.
  public func encode(to encoder: any Encoder) throws {
    var names = encoder.container(keyedBy: NamedKey.self)
    try metrics.encode(into: &names)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(attribute, forKey: .attribute)
    try container.encode(value, forKey: .value)
    try container.encode(imageCount, forKey: .images)
    try container.encode(objectCount, forKey: .objects)
    try container.encode(detectionCount, forKey: .detections)
    try container.encodeIfPresent(intervals, forKey: .intervals)
  }
}
