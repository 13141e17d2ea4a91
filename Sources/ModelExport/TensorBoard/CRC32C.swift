/// The cyclic redundancy check of Castagnoli (1993), reflected polynomial 0x82F63B78, as RFC 3720 has it.
///
/// - Complexity: O(n).
package func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 {
  ~bytes.reduce(~0) { crc, byte in table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8) }
}

/// The check as TFRecord files keep it: turned by 15 bits and offset, since the check of data that hold their own check
/// is weak.
package func maskedCRC32C(_ bytes: some Sequence<UInt8>) -> UInt32 {
  let crc = crc32c(bytes)
  return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
}

private let table: [UInt32] = (0..<256).map { byte in
  (0..<8).reduce(UInt32(byte)) { rest, _ in rest & 1 == 1 ? rest >> 1 ^ 0x82F6_3B78 : rest >> 1 }
}
