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

  @Test func isKeptWhenTheFileIsOpenedAndClosedAgain() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.lock"
      #expect(FileLock.holder(of: path) == nil)
      let lock = try FileLock(at: path)
      // A lock of POSIX's would be dropped here.
      #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("\(getpid()) "))
      withExtendedLifetime(lock) {
        let holder = FileLock.holder(of: path)
        #expect(holder?.process == getpid() && holder?.host == LockHolder().host)
        #expect(abs(holder?.since.timeIntervalSinceNow ?? 1e9) < 60)
        #expect(throws: FileLock.HeldError.self) { try FileLock(at: path) }
      }
    }
    try withTemporaryFolder { folder in
      do { _ = try FileLock(at: "\(folder)/a.lock") }
      #expect(FileLock.holder(of: "\(folder)/a.lock") == nil)
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
