import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import TrainingRuns

/// All that decides a result, by which it is found again: a changed setting is another result.
struct ResultKey: Encodable {
  /// Counts up when a training comes to something else than before.
  var version = 1
  var purpose: String
  var method: String
  var parameters: [String: String]
  var sampler: MethodChoice?
  var mining: MethodChoice?
  /// Those that are not as they are by default: a setting that a later version adds does not undo results.
  var settings: [String]
  /// Whether images are shuffled with locality.
  var isStreamed: Bool
  /// Categories, counts and boundaries.
  var groups: String
  /// The fingerprints of the files.
  var inputs: [String: String]
  /// The mark of the head that it starts from.
  var start: String?

  /// A calibration, of which head and on which data.
  init(
    _ purpose: String, _ work: CalibrationWork, groups: CategoryGroups, source: LabelledFeatureSet,
    inputs: [String: RunRecord.Input], start: String?
  ) throws {
    self.purpose = purpose + " calibration"
    method = work.method.name
    parameters = work.parameters.values
    var settings = work.settings
    settings.threads = TrainingSettings().threads
    settings.memoryLimit = TrainingSettings().memoryLimit
    isStreamed = source.featureByteCount > work.settings.memoryLimit
    self.settings = try Self.changes(of: settings)
    self.groups = try groups.json()
    self.inputs = inputs.mapValues(\.fingerprint)
    self.start = start
  }

  /// What is trained, on which data.
  ///
  /// Threads change the last bits alone, and memory's limit nothing but whether the set is streamed: a comparison may go
  /// on with others.
  init(
    _ purpose: String, _ training: TrainingRecipe, groups: CategoryGroups, source: LabelledFeatureSet,
    inputs: [String: RunRecord.Input], start: String?
  ) throws {
    self.purpose = purpose
    method = training.method.name
    parameters = training.parameters.values
    sampler = training.sampler
    mining = training.mining
    var settings = training.settings
    isStreamed = source.featureByteCount > settings.memoryLimit
    settings.threads = TrainingSettings().threads
    settings.memoryLimit = TrainingSettings().memoryLimit
    self.settings = try Self.changes(of: settings)
    self.groups = try groups.json()
    self.inputs = inputs.mapValues(\.fingerprint)
    self.start = start
  }

  /// `name=value` for every setting that is not as it is by default, `name` alone for one that has no value.
  private static func changes(of settings: TrainingSettings) throws -> [String] {
    func fields(_ settings: TrainingSettings) throws -> [String: NSObject] {
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(settings)) as? [String: NSObject] ?? [:]
    }
    let (fields, defaults) = (try fields(settings), try fields(TrainingSettings()))
    return Set(fields.keys).union(defaults.keys).sorted().compactMap { name in
      guard fields[name] != defaults[name] else { return nil }
      return fields[name].map { "\(name)=\($0)" } ?? name
    }
  }

  /// Sixteen hexadecimal digits.
  func digest() throws -> String { try digestText(self) }
}

/// A mark of a value by which it is known again: FNV-1a of its JSON, sixteen hexadecimal digits.
func digestText(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  let hash = try encoder.encode(value).reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
    ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3
  }
  let digits = String(hash, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
