import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// A few thousand damaged annotation and results files, the same ones in every run, through reader and evaluator: each is
/// scored or refused with a reason, and no metric leaves its range.
@Suite struct MutatedFilesTests {
  private static let names = [
    "d1_xyxy", "m4_size_other", "n23_file_without_sizes_segm_lvis", "n3_gt_bbox_empty_segm", "g9_area_all_zero_lvis",
    "f1_results_annotations_object", "b1_uint64_image_ids",
  ]

  /// How a pair of files ended.
  private enum Ending { case scored, refused }

  @Test func mutatedFilesAreScoredOrRefused() throws {
    var mutation = Mutation()
    var (scored, refused) = (0, 0)
    let files = try Self.names.map { name in
      try ["gt", "dt"].map { Array(try Data(contentsOf: URL(fileURLWithPath: "\(casePath(name))/\($0).json"))) }
    }
    try withTemporaryFolder { folder in
      for round in 0..<2000 {
        let pair = files[round % files.count]
        // One of the two, or both.
        let truth = round % 3 == 1 ? pair[0] : mutation.applied(to: pair[0])
        let results = round % 3 == 0 ? pair[1] : mutation.applied(to: pair[1])
        try Data(truth).write(to: URL(fileURLWithPath: "\(folder)/gt.json"))
        try Data(results).write(to: URL(fileURLWithPath: "\(folder)/dt.json"))
        switch try ending(in: folder, options: options(round)) {
        case .scored: scored += 1
        case .refused: refused += 1
        }
      }
    }
    #expect(scored > 200 && refused > 200, "\(scored) scored, \(refused) refused")
  }

  private func options(_ round: Int) -> EvaluationOptions {
    let types = EvaluationOptions.IoUType.allCases
    let type = types[round / 7 % types.count]
    return EvaluationOptions(iouType: type, rules: type == .boundary || round % 2 == 0 ? .lvis : .coco)
  }

  private func ending(in folder: String, options: EvaluationOptions) throws -> Ending {
    do {
      let dataset = try LVISDataset(
        contentsOf: "\(folder)/gt.json", including: options.iouType == .bbox ? .boxes : .segmentations)
      let evaluator = try LVISEvaluator(groundTruth: dataset, options: options)
      let prepared = try evaluator.prepare(resultsAt: "\(folder)/dt.json", for: .analysis)
      let result = evaluator.evaluate(prepared)
      _ = try evaluator.analyze(prepared)
      _ = evaluator.losses(of: prepared)
      #expect(result.metrics.allSatisfy { $0.value.map { (0...1).contains($0) } ?? true })
      #expect(result.warnings.allSatisfy { !$0.message.isEmpty && $0.count >= 0 })
      return .scored
    } catch let error as DatasetError {
      #expect(!error.problem.isEmpty)
    } catch let error as EvaluationError {
      #expect(!error.problem.isEmpty)
    }
    return .refused
  }
}

/// Damages JSON: values in place of others, records twice or gone, bytes changed, the end cut off.
private struct Mutation {
  private var state: UInt64 = 14
  private static let values = [
    "-1", "0", "1", "-0.0", "1e308", "-1e308", "1e-320", "65535", "2147483647", "4294967295", "1099511627776",
    "9223372036854775807", "-9223372036854775808", "18446744073709551615", "0.5", "null", "true", "[]", "{}", "\"x\"",
    "[1, 2]", "[[0, 0, 1e9, 0, 1e9, 1e9]]", "{\"size\": [65535, 65535], \"counts\": [0, 4294836225]}",
    "{\"size\": [3, 4], \"counts\": \"`0\"}",
  ].map { Array($0.utf8) }

  /// By Knuth's linear congruential generator.
  private mutating func random(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % max(bound, 1)
  }

  mutating func applied(to original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0...random(2) where bytes.count > 8 {
      switch random(8) {
      case 0: bytes[random(bytes.count)] = UInt8(random(256))
      case 1: bytes.remove(at: random(bytes.count))
      case 2 where random(4) == 0: bytes.removeLast(random(bytes.count))
      case 3: changeRecord(&bytes)
      default: replaceValue(&bytes)
      }
    }
    return bytes
  }

  /// Puts another value behind a colon, or in place of a number in a list.
  private mutating func replaceValue(_ bytes: inout [UInt8]) {
    let starts = bytes.indices.dropLast(2).filter {
      bytes[$0 + 1] == UInt8(ascii: " ") && (bytes[$0] == UInt8(ascii: ":") || bytes[$0] == UInt8(ascii: ","))
    }
    guard !starts.isEmpty else { return }
    let start = starts[random(starts.count)] + 2
    let end = bytes[start...].firstIndex { Array(",]}".utf8).contains($0) } ?? bytes.count
    bytes.replaceSubrange(start..<end, with: Self.values[random(Self.values.count)])
  }

  /// Repeats or removes what stands between two braces.
  private mutating func changeRecord(_ bytes: inout [UInt8]) {
    let opens = bytes.indices.filter { bytes[$0] == UInt8(ascii: "{") }
    guard !opens.isEmpty else { return }
    let start = opens[random(opens.count)]
    guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "}")) else { return }
    if random(2) == 0 {
      bytes.insert(contentsOf: Array(bytes[start...end]) + Array(", ".utf8), at: start)
    } else {
      bytes.removeSubrange(start...end)
    }
  }
}
