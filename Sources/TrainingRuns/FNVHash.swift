import DurableFiles
import Foundation

/// The 64-bit FNV-1a hash: quick, and no proof against forgery.
package struct FNVHash {
  private var value: UInt64 = 0xCBF2_9CE4_8422_2325

  /// The hash of no bytes.
  package init() {}

  /// Adds a byte.
  mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }

  /// Adds a file's contents, or blocks of it; returns its size.
  mutating func add(fileAt path: String) throws -> Int {
    let bytes = try MappedFile(at: path)
    let size = bytes.bytes.count
    if size <= 4 << 20 {
      for byte in bytes.bytes { add(byte) }
    } else {
      let blocks = 1024
      for block in 0..<blocks {
        let start = (size - 4096) / (blocks - 1) * block
        for byte in bytes.bytes[start..<start + 4096] { add(byte) }
      }
    }
    return size
  }

  /// Sixteen hexadecimal digits.
  package var digits: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// The digest of a value by which it is known again: the hash of its JSON.
  package static func digest(of value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var hash = FNVHash()
    for byte in try encoder.encode(value) { hash.add(byte) }
    return hash.digits
  }
}
