// Runs the code of the guides and of the README on a small synthetic set, in the folder given, and checks what comes of it.
import Foundation

guard CommandLine.arguments.count == 2, FileManager.default.changeCurrentDirectoryPath(CommandLine.arguments[1]) else {
  FileHandle.standardError.write(Data("usage: library-package FOLDER\n".utf8))
  exit(64)
}
var checks = Checks()
do {
  try ExampleFiles().write()
  try checks.runGuides()
  try checks.compareOwnMethods()
  try checks.evaluateAlone()
} catch {
  checks.check(false, "an error is thrown: \(error)")
}
exit(checks.failureCount == 0 ? 0 : 1)
