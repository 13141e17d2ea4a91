import ModelExport
import Testing

@Suite struct CRC32CTests {
  // RFC 3720, B.4.
  @Test(
    arguments: [
      (Array(repeating: UInt8(0), count: 32), 0x8A91_36AA),
      (Array(repeating: UInt8(0xFF), count: 32), 0x62A8_AB43),
      (Array(UInt8(0)..<32), 0x46DD_794E),
      (Array((UInt8(0)..<32).reversed()), 0x113F_DB5C),
      (Array("123456789".utf8), 0xE306_9283),
    ] as [([UInt8], UInt32)])
  func isCastagnolis(bytes: [UInt8], check: UInt32) {
    #expect(crc32c(bytes) == check)
  }

  @Test func maskTurnsAndOffsets() {
    // 0xE3069283 turned right by 15 bits is 0x2507C60D.
    #expect(maskedCRC32C(Array("123456789".utf8)) == 0x2507_C60D &+ 0xA282_EAD8)
  }
}
