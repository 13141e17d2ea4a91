/// An encoding of text other than UTF-8, told by a file's first bytes.
package struct TextEncoding: Sendable {
  /// As `iconv` names it.
  package let name: String

  /// - Parameter bytes: The first four bytes of a file.
  /// - Returns: `nil` where nothing speaks against UTF-8.
  package init?(_ bytes: some Collection<UInt8>) {
    let start = Array(bytes.prefix(4))
    guard start.count >= 2 else { return nil }
    switch (start[0], start[1]) {
    case (0xFF, 0xFE): name = start.dropFirst(2) == [0, 0] ? "UTF-32" : "UTF-16"
    case (0xFE, 0xFF): name = "UTF-16"
    // JSON and YAML begin with ASCII: a zero beside it is half of a wider character.
    case (0, 0) where start.count == 4 && start[2] == 0xFE && start[3] == 0xFF: name = "UTF-32"
    case (1..., 0): name = start.dropFirst(2) == [0, 0] ? "UTF-32LE" : "UTF-16LE"
    case (0, 1...): name = "UTF-16BE"
    default: return nil
    }
  }
}
