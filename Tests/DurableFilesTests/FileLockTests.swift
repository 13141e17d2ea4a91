import DurableFiles
import Foundation
import TestSupport
import Testing

@Suite struct FileLockTests {
  @Test func theSecondIsRefusedAndToldWhoHasIt() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/.lock"
      do {
        let lock = try FileLock(at: path)
        try withExtendedLifetime(lock) {
          let error = #expect(throws: FileLock.HeldError.self) { try FileLock(at: path) }
          #expect(error?.process == getpid())
          #expect(error?.description == "\(folder): process \(getpid()) writes here")
        }
      }
      _ = try FileLock(at: path)
    }
  }

  @Test func removesTheTemporaryFilesOfProcessesThatAreGone() throws {
    try withTemporaryFolder { folder in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/true")
      try process.run()
      process.waitUntilExit()
      let gone = process.processIdentifier
      let names = [
        "head.safetensors.\(gone).123.partial", "head.safetensors.\(getpid()).123.partial", "a.partial",
        "head.safetensors", "b.\(gone).x.partial",
      ]
      for name in names { try Data().write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
      DurableFile.removeLeftovers(in: folder)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(left == names.dropFirst().sorted())
    }
  }
}
