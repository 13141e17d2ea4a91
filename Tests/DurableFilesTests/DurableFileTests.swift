import DurableFiles
import Foundation
import TestSupport
import Testing

@Suite struct DurableFileTests {
  private func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @Test func standsOnlyAfterCommit() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.txt"
      let file = try DurableFile(at: path)
      try file.write("one ")
      try [UInt8](repeating: 0x61, count: 3 << 20).withUnsafeBytes { try file.write($0) }
      try file.write(" two")
      #expect(!FileManager.default.fileExists(atPath: path))
      try file.commit()
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "one \(String(repeating: "a", count: 3 << 20)) two")
      #expect(try names(in: folder) == ["a.txt"])
    }
  }

  @Test func leavesWhatStoodThereUnlessCommitted() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.txt"
      try DurableFile.write("old", to: path)
      do {
        let file = try DurableFile(at: path)
        try file.write("new")
      }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
      #expect(try names(in: folder) == ["a.txt"])
      try DurableFile.write("new", to: path)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
    }
  }

  @Test func saysWhyItCannotWrite() throws {
    try withTemporaryFolder { folder in
      #expect { try DurableFile.write("x", to: "\(folder)/none/a.txt") } throws: { error in
        (error as? FileError)?.description
          == "\(folder)/none/a.txt: cannot write: No such file or directory; make its folder first, or choose another "
          + "place"
      }
      #expect { try DurableFile.write("x", to: folder) } throws: { ($0 as? FileError)?.code == EISDIR }
    }
  }

  @Test func devicesAreWrittenToAsTheyAre() throws {
    try DurableFile.write("x", to: "/dev/null")
    #expect { try DurableFile.write("x", to: "/dev/full") } throws: { ($0 as? FileError)?.code == ENOSPC }
    for path in ["/dev/null", "/dev/full"] {
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }
  }
}
