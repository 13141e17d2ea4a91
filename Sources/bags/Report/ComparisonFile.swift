import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// The `comparison.json` that `bags compare` writes.
struct ComparisonFile {
  /// The folder that it lies in.
  let folder: String
  private let document: Document

  private struct Document: Decodable {
    struct Measure: Decodable {
      let mean: Double
      let spread: Double?
      let values: [Double]
    }

    struct Method: Decodable {
      let method: String
      let learningRate: Double
      let parameters: [String: String]
      let metrics: [String: Measure]
      let normCountCorrelation: Measure?
      let seconds: Measure?
      let runs: [String]
      let failures: [String]
    }

    let format: String
    let seeds: [UInt64]
    let methods: [Method]
  }

  private static func path(in folder: String) -> String { "\(folder)/comparison.json" }

  /// Whether a folder holds one.
  static func exists(in folder: String) -> Bool { FileManager.default.fileExists(atPath: path(in: folder)) }

  /// - Throws: `FileError` if it cannot be read; `CommandFailure` if it is no comparison, or one without results.
  init(in folder: String) throws {
    self.folder = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    let path = Self.path(in: self.folder)
    // Held for as long as its bytes are read.
    let file = try MappedFile(at: path)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let data = withExtendedLifetime(file) { Data(file.bytes) }
    guard let document = try? decoder.decode(Document.self, from: data),
      document.format == "bags-comparison", document.methods.contains(where: { !$0.runs.isEmpty })
    else { throw CommandFailure("\(path): holds no results of a comparison; let `bags compare` finish it") }
    self.document = document
  }

  /// The first seed's run of every method that has one, by the method's name.
  func heads() throws -> [NamedHead] {
    try document.methods.compactMap { method in
      guard let run = method.runs.first else { return nil }
      // The folder may have been moved since.
      let inside = "\(folder)/runs/\((run as NSString).lastPathComponent)"
      let path = FileManager.default.fileExists(atPath: inside) ? inside : run
      return try NamedHead(path).named(method.method)
    }
  }

  /// Its numbers.
  var report: ReportedComparison {
    func measure(_ measure: Document.Measure) -> ReportedComparison.Measure {
      .init(mean: measure.mean, spread: measure.spread, values: measure.values)
    }
    return ReportedComparison(
      name: URL(fileURLWithPath: folder).resolvingSymlinksInPath().lastPathComponent, seedCount: document.seeds.count,
      methods: document.methods.map { method in
        let parameters = method.parameters.sorted { $0.key < $1.key }.map { ", \($0.key) \($0.value)" }.joined()
        return .init(
          name: method.method, setting: "lr \(NumberText.short(method.learningRate))\(parameters)",
          metrics: method.metrics.mapValues(measure), normCorrelation: method.normCountCorrelation.map(measure),
          seconds: method.seconds.map(measure), failures: method.failures)
      })
  }
}
