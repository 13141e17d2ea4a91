import DurableFiles
import Foundation
import TestSupport
import Testing

@Suite struct FoldersTests {
  @Test func foldersAroundItAreMadeToo() throws {
    try withTemporaryFolder { folder in
      try makeFolder(at: "\(folder)/a/b/c/")
      try makeFolder(at: "\(folder)/a/b")
      #expect(FileManager.default.fileExists(atPath: "\(folder)/a/b/c"))
    }
  }

  @Test(arguments: [("-", ""), ("./-", "."), ("/a", "/"), ("a/b/c", "a/b"), ("", "")])
  func theFolderOfAPath(path: String, folder: String) {
    #expect(parentFolder(of: path) == folder)
  }

  /// A name that Foundation ends in a trap for.
  @Test func aFileMayBeCalledAHyphen() throws {
    try withTemporaryFolder { folder in
      let file = try DurableFile(at: "\(folder)/-")
      try file.write("here")
      try file.commit()
      #expect(try String(contentsOfFile: "\(folder)/-", encoding: .utf8) == "here")
    }
  }

  /// What the system answers, not "Input/output error".
  @Test func theErrorIsTheSystems() throws {
    try withTemporaryFolder { folder in
      try "".write(toFile: "\(folder)/file", atomically: true, encoding: .utf8)
      for path in ["\(folder)/file", "\(folder)/file/below", "\(folder)/file/below/that"] {
        let error = #expect(throws: FileError.self) { try makeFolder(at: path) }
        #expect(error?.code == ENOTDIR && error?.path.hasPrefix("\(folder)/file") == true)
      }
      let error = #expect(throws: FileError.self) { try makeFolder(at: "/proc/nothing/below") }
      #expect(error?.code == ENOENT)
      #expect(throws: (any Error).self) {
        do {
          _ = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/missing")
        } catch {
          #expect(error.systemCode == ENOENT)
          throw error
        }
      }
    }
  }
}
