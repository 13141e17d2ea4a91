import Foundation
import TestSupport
import Testing

@Suite struct StandardStreamsTests {
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func aLostResultIsAnError() throws {
    let full = try runShell("'\(bagsPath)' methods > /dev/full")
    #expect(full.status == 1 && full.error.contains("standard output: cannot write"))
    let closed = try runShell("'\(bagsPath)' methods >&-")
    #expect(closed.status == 1)
    let deaf = try runShell("'\(bagsPath)' methods 2>&-")
    #expect(deaf.status == 0 && deaf.output.contains("bags"))
  }
}
