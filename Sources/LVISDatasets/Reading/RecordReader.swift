import CSimdJSON

/// Turns windows of a file into rows, by simdjson; one for each thread.
final class RecordReader {
  typealias Rows = CSimdJSONRows
  private let reader: OpaquePointer

  /// - Throws: `DatasetError` without memory.
  init(for file: JSONFile) throws {
    guard let reader = csimdjson_reader_create() else { throw outOfMemory(file.path) }
    self.reader = reader
  }

  deinit { csimdjson_reader_destroy(reader) }

  /// Reads a window.
  ///
  /// - Parameters:
  ///   - window: A JSON array; `CSIMDJSON_PADDING` more bytes are readable before and behind it.
  ///   - rows: The rows before the first fault; valid until the next call.
  /// - Returns: The first fault, or `nil`.
  func read(
    _ window: UnsafeBufferPointer<CChar>, as kind: RecordKind, options: RecordOptions, into rows: inout Rows
  ) -> CSimdJSONFailure? {
    guard let address = window.baseAddress else { return nil }
    var failure = CSimdJSONFailure()
    return csimdjson_read(reader, kind.code, address, window.count, options.rawValue, &rows, &failure) ? nil : failure
  }
}

/// The kinds of records that a list in a file holds.
enum RecordKind: String, Sendable {
  case images, categories, annotations, detections

  var code: CSimdJSONRecordKind {
    switch self {
    case .images: CSIMDJSON_IMAGES
    case .categories: CSIMDJSON_CATEGORIES
    case .annotations: CSIMDJSON_ANNOTATIONS
    case .detections: CSIMDJSON_DETECTIONS
    }
  }
}

extension RecordList {
  /// The place of a record, as an error names it.
  func place(_ element: Int) -> String { "\(name ?? (kind == .detections ? "results" : kind.rawValue))[\(element)]" }

  /// What to do about ids that are text.
  func adviceForText(at field: UnsafePointer<CChar>?) -> String? {
    guard let field = field.map({ String(cString: $0) }), field == "id" || field.hasSuffix("_id") else { return nil }
    let records = kind == .detections && name == nil ? ".[]" : ".\(name ?? kind.rawValue)[]"
    return "ids are numbers: jq '\(records).\(field) |= tonumber' \(file.path) > numbers.json, or number them anew "
      + "where the text holds none"
  }
}

/// What else is asked of the records.
struct RecordOptions: OptionSet, Sendable {
  let rawValue: UInt32
  static let segmentations = RecordOptions(rawValue: UInt32(CSIMDJSON_READ_SEGMENTATIONS))
  static let requireBox = RecordOptions(rawValue: UInt32(CSIMDJSON_REQUIRE_BOX))
}

func outOfMemory(_ path: String) -> DatasetError {
  DatasetError(path: path, code: .outOfMemory, problem: "there is not enough memory to read it")
}

extension DatasetError {
  /// Puts a reader's failure into words.
  ///
  /// - Parameters:
  ///   - element: The record's place in the whole list.
  ///   - offset: The window's place in the file.
  ///   - hint: What is wrong with JSON that is none, where that is known.
  init(
    _ failure: CSimdJSONFailure, path: String, list: RecordList, element: Int, windowOffset offset: Int, hint: String?
  ) {
    var place = list.place(element)
    if let field = failure.field { place += ".\(String(cString: field))" }
    if failure.index >= 0 { place += "[\(failure.index)]" }
    if failure.subindex >= 0 { place += "[\(failure.subindex)]" }
    let found = withUnsafeBytes(of: failure.found) { readable($0.prefix(failure.found_count)) }
    let expected = failure.expected.map { String(cString: $0) } ?? ""
    let problem: String
    var code = Code.badValue
    var advice: String?
    switch failure.problem {
    case CSIMDJSON_MISSING_FIELD:
      code = .missing
      problem = "is missing; it must be \(expected)"
    case CSIMDJSON_WRONG_TYPE:
      problem = "is \(found), but must be \(expected)"
      if found.hasPrefix("\""), expected == "an integer" { advice = list.adviceForText(at: failure.field) }
    case CSIMDJSON_OUT_OF_RANGE: problem = "is \(found), which is out of range for \(expected)"
    case CSIMDJSON_NOT_INTEGER: problem = "is \(found), but must be an integer"
    case CSIMDJSON_NOT_FINITE: problem = "is \(found), but must be a finite number"
    case CSIMDJSON_NEGATIVE: problem = "is \(found), but must be 0 or more"
    case CSIMDJSON_WRONG_LENGTH: problem = "holds \(failure.count) numbers, but must hold \(expected)"
    case CSIMDJSON_OUT_OF_MEMORY:
      code = .outOfMemory
      problem = "there is not enough memory to read it"
    default:
      code = .notJSON
      let detail = failure.detail.map { String(cString: $0) } ?? "malformed"
      problem = "not JSON near byte \(offset + failure.offset): \(detail)"
      advice =
        hint
        ?? "if the file was downloaded or copied, do that again; python3 -m json.tool FILE says where it breaks"
    }
    self.init(path: path, code: code, place: place, problem: problem, advice: advice)
  }
}

extension CSimdJSONRange {
  /// The stretch as indices.
  var indices: Range<Int> { Int(first)..<Int(first) + Int(count) }
}
