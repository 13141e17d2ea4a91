import CBagsEvaluation
import LVISEvaluation

// The functions that `bags_evaluation.h` declares; what they do is said there.

/// Prepares ground truth.
@_cdecl("bags_evaluation_create")
public func create(
  _ truth: UnsafePointer<bags_ground_truth>?, _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<bags_options>?,
  _ message: UnsafeMutablePointer<CChar>?, _ room: Int64
) -> OpaquePointer? {
  do {
    let handle = try EvaluationHandle(
      truth?.pointee, path: path.map { String(cString: $0) }, options?.pointee ?? bags_options())
    return OpaquePointer(Unmanaged.passRetained(handle).toOpaque())
  } catch {
    write("\(error)", to: message, room)
    return nil
  }
}

/// Gives an evaluation back.
@_cdecl("bags_evaluation_destroy")
public func destroy(_ evaluation: OpaquePointer?) {
  guard let evaluation else { return }
  Unmanaged<EvaluationHandle>.fromOpaque(UnsafeRawPointer(evaluation)).release()
}

/// The numbers of a scoring.
@_cdecl("bags_evaluation_sizes")
public func sizes(_ evaluation: OpaquePointer?) -> bags_sizes {
  guard let handle = handle(evaluation) else { return bags_sizes() }
  let shape = handle.evaluator.arrayShape.map { Int64($0) }
  return bags_sizes(
    thresholds: shape[0], recalls: shape[1], categories: shape[2], areas: shape[3], limits: shape[4],
    metrics: Int64(handle.metricNames.count))
}

/// The ids of categories and images.
@_cdecl("bags_evaluation_ids")
public func ids(
  _ evaluation: OpaquePointer?, _ categories: UnsafeMutablePointer<Int64>?, _ frequencies: UnsafeMutablePointer<CChar>?,
  _ images: UnsafeMutablePointer<Int64>?
) -> Int64 {
  guard let handle = handle(evaluation) else { return 0 }
  for (index, category) in handle.evaluator.categories.enumerated() {
    categories?[index] = Int64(category.id)
    frequencies?[index] = category.frequency?.rawValue.utf8.first.map { CChar(bitPattern: $0) } ?? 0
  }
  let ids = handle.evaluator.imageIDs
  if let images { for (index, id) in ids.enumerated() { images[index] = Int64(id) } }
  return Int64(ids.count)
}

/// The names of the metrics.
@_cdecl("bags_evaluation_metric_names")
public func metricNames(_ evaluation: OpaquePointer?, _ names: UnsafeMutablePointer<CChar>?, _ room: Int64) -> Int64 {
  guard let handle = handle(evaluation) else { return 0 }
  let text = handle.metricNames.joined(separator: "\n")
  write(text, to: names, room)
  return Int64(text.utf8.count + 1)
}

/// Scores detections.
@_cdecl("bags_evaluation_score")
public func score(
  _ evaluation: OpaquePointer?, _ detections: UnsafePointer<bags_detections>?, _ path: UnsafePointer<CChar>?,
  _ metrics: UnsafeMutablePointer<Double>?, _ precision: UnsafeMutablePointer<Double>?,
  _ scores: UnsafeMutablePointer<Double>?, _ recall: UnsafeMutablePointer<Double>?,
  _ message: UnsafeMutablePointer<CChar>?, _ room: Int64
) -> Int32 {
  guard let handle = handle(evaluation) else {
    write("there is no evaluation", to: message, room)
    return -1
  }
  do {
    let result = try handle.score(
      detections?.pointee, path: path.map { String(cString: $0) },
      filling: EvaluationArrays(precision: precision, scores: scores, recall: recall))
    for (index, metric) in result.metrics.enumerated() { metrics?[index] = metric.value ?? -1 }
    return 0
  } catch {
    write("\(error)", to: message, room)
    return -1
  }
}

private func handle(_ evaluation: OpaquePointer?) -> EvaluationHandle? {
  evaluation.map { Unmanaged<EvaluationHandle>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
}

/// Writes a text with a zero at its end, cut where there is no room for all of it.
private func write(_ text: String, to buffer: UnsafeMutablePointer<CChar>?, _ room: Int64) {
  guard let buffer, room > 0 else { return }
  let bytes = text.utf8.prefix(Int(room) - 1)
  for (index, byte) in bytes.enumerated() { buffer[index] = CChar(bitPattern: byte) }
  buffer[bytes.count] = 0
}
