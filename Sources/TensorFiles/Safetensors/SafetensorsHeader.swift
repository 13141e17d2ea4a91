import DurableFiles
import Foundation

/// The header of a safetensors file: its length (8 bytes, little-endian), then JSON, then the tensors' bytes without
/// gaps. The rules are those of the safetensors library (`SafeTensors::read_metadata`).
struct SafetensorsHeader {
  /// Where a tensor's bytes lie, counted from the end of the header.
  struct Entry {
    let elementType: TensorElementType
    let shape: [Int]
    let begin: Int
    let end: Int
  }

  /// As in the safetensors library: a longer header is a sign of a file of another kind.
  static let longestLength = 100_000_000

  let metadata: [String: String]
  let entries: [String: Entry]
  /// Where the tensors' bytes begin in the file.
  let dataOffset: Int

  init(bytes: UnsafeRawBufferPointer, path: String) throws {
    func fault(_ code: TensorFileError.Code, _ detail: String) -> TensorFileError {
      TensorFileError(path: path, code: code, detail: detail)
    }
    guard bytes.count >= 8 else {
      throw fault(.notThisFormat, "no safetensors file: \(bytes.count) bytes cannot hold a header's length")
    }
    let stated = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard stated <= Self.longestLength, let length = Int(exactly: stated) else {
      throw fault(.headerLength, "no safetensors file: read as one, it would begin with a header of \(stated) bytes")
    }
    guard length <= bytes.count - 8 else {
      throw fault(
        .headerLength, "ends within its header: \(length) bytes are announced, \(bytes.count - 8) are there")
    }
    let text = UnsafeRawBufferPointer(rebasing: bytes[8..<(8 + length)])
    guard text.first == UInt8(ascii: "{") else { throw fault(.header, "the header does not begin with '{'") }
    let raw = try Self.decode(text, path: path)

    dataOffset = 8 + length
    metadata = raw.metadata
    let dataCount = bytes.count - dataOffset
    entries = try Dictionary(
      raw.tensors.map { name, entry in (name, try Self.check(entry, name: name, dataCount: dataCount, path: path)) },
      uniquingKeysWith: { first, _ in first })
    try Self.checkCoverage(entries, dataCount: dataCount, path: path)
  }

  private static func decode(_ text: UnsafeRawBufferPointer, path: String) throws -> RawHeader {
    do {
      return try JSONDecoder().decode(RawHeader.self, from: Data(text))
    } catch let error as DecodingError {
      let (context, what) = error.parts
      let place = context.codingPath.map(\.stringValue)
      let inside = place.dropFirst().isEmpty ? "" : " in \(place.dropFirst().joined(separator: "."))"
      throw TensorFileError(
        path: path, tensor: place.first, code: .header, detail: "the header cannot be understood\(inside): \(what)")
    }
  }

  private static func check(_ entry: RawHeader.Entry, name: String, dataCount: Int, path: String) throws -> Entry {
    func fault(_ code: TensorFileError.Code, _ detail: String) -> TensorFileError {
      TensorFileError(path: path, tensor: name, code: code, detail: detail)
    }
    guard let elementType = TensorElementType(rawValue: entry.dtype) else {
      throw fault(.elementType, "element type \(entry.dtype) is not read here")
    }
    guard entry.shape.count <= mostDimensions else {
      throw fault(.shape, "its shape has \(entry.shape.count) sizes; \(mostDimensions) at most are read")
    }
    guard let byteCount = checkedByteCount(of: entry.shape, elementType) else {
      throw fault(.shape, "shape \(entry.shape) has a negative size or too many elements")
    }
    guard entry.offsets.count == 2 else {
      throw fault(.offsets, "data_offsets must be two numbers, begin and end, not \(entry.offsets.count)")
    }
    let (begin, end) = (entry.offsets[0], entry.offsets[1])
    guard 0 <= begin, begin <= end else { throw fault(.offsets, "data_offsets \(begin)..<\(end) are no range") }
    guard end <= dataCount else {
      throw fault(
        .offsets, "its bytes end at \(end), the file's at \(dataCount): the file is cut off, or the header is wrong")
    }
    guard end - begin == byteCount else {
      throw fault(
        .byteCount, "\(elementType.rawValue) \(entry.shape) needs \(byteCount) bytes, data_offsets give \(end - begin)")
    }
    return Entry(elementType: elementType, shape: entry.shape, begin: begin, end: end)
  }

  /// Every byte behind the header belongs to exactly one tensor.
  private static func checkCoverage(_ entries: [String: Entry], dataCount: Int, path: String) throws {
    let ordered = entries.sorted { ($0.value.begin, $0.value.end, $0.key) < ($1.value.begin, $1.value.end, $1.key) }
    var covered = 0
    for (name, entry) in ordered {
      guard entry.begin == covered else {
        let how = entry.begin < covered ? "overlap another tensor's" : "leave a gap before them"
        throw TensorFileError(
          path: path, tensor: name, code: .offsets, detail: "its bytes, from \(entry.begin), \(how) (\(covered))")
      }
      covered = entry.end
    }
    guard covered == dataCount else {
      throw TensorFileError(
        path: path, code: .offsets, detail: "\(dataCount - covered) bytes at its end belong to no tensor")
    }
  }
}

/// As in NumPy.
let mostDimensions = 64

/// The bytes of a shape's elements; `nil` where a size is negative or the number overflows.
func checkedByteCount(of shape: [Int], _ elementType: TensorElementType) -> Int? {
  // A zero makes the tensor empty, but the other sizes may still not overflow, wherever the zero stands: who reads a row
  // multiplies them.
  var count = elementType.byteCount
  for size in shape where size != 0 {
    let (product, overflows) = count.multipliedReportingOverflow(by: size)
    if size < 0 || overflows { return nil }
    count = product
  }
  return shape.contains(0) ? 0 : count
}

/// The header's JSON before its contents are checked.
private struct RawHeader: Decodable {
  struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let offsets: [Int]
    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  private(set) var metadata: [String: String] = [:]
  private(set) var tensors: [(name: String, entry: Entry)] = []

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: NamedKey.self)
    for key in container.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
      if key.stringValue == "__metadata__" {
        metadata = try container.decode([String: String].self, forKey: key)
      } else {
        do {
          tensors.append((key.stringValue, try container.decode(Entry.self, forKey: key)))
        } catch let error where !(error is DecodingError) {
          // Numbers beyond Int's range are reported without their place.
          throw DecodingError.dataCorrupted(
            .init(codingPath: [key], debugDescription: "a number is out of range", underlyingError: error))
        }
      }
    }
  }
}

extension DecodingError {
  fileprivate var parts: (Context, String) {
    switch self {
    case .typeMismatch(_, let context), .valueNotFound(_, let context): (context, context.debugDescription)
    case .keyNotFound(let key, let context): (context, "\(key.stringValue) is missing")
    case .dataCorrupted(let context):
      (
        context,
        (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"] as? String
          ?? context.debugDescription
      )
    @unknown default: (Context(codingPath: [], debugDescription: ""), "\(self)")
    }
  }
}
