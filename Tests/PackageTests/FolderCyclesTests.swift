import Foundation
import Testing

/// No folder of a module leads back to itself by the types that its files name.
@Suite struct FolderCyclesTests {
  @Test func noFolderOfAModuleFormsACycle() throws {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources").standardized
    let modules = try FileManager.default.contentsOfDirectory(atPath: sources.path).sorted()
    #expect(modules.contains("DetectionHeads") && modules.contains("bags"))
    for module in modules {
      let folders = try FolderGraph(ofModuleAt: sources.appending(path: module))
      #expect(folders.cycle == nil, "\(module): \(folders.cycle?.joined(separator: " -> ") ?? "")")
    }
  }

  @Test func aCycleIsFound() {
    let file = FolderGraph.SourceFile.init
    let ring = FolderGraph([
      file("A", "struct One { let two: Two }"), file("B", "package final class Two { var three = Three.self }"),
      file("C", "public enum Three { case one(One) }"),
    ])
    #expect(ring.cycle == ["A", "B", "C", "A"])
    let line = FolderGraph([
      file("A", "struct One { let two: Two }"), file("B", "// One\nfinal class Two { let name = \"One\" }"),
    ])
    #expect(line.cycle == nil)
  }
}

/// Which folders of a module name types that other folders declare.
struct FolderGraph {
  struct SourceFile {
    let folder: String
    let text: String
  }

  private let edges: [String: Set<String>]

  init(_ files: [SourceFile]) {
    let files = files.map { SourceFile(folder: $0.folder, text: $0.text.withoutCommentsAndWords) }
    // Types inside others go by their own name nowhere else, so those at the start of a line suffice.
    var declared: [Substring: String] = [:]
    for file in files {
      for match in file.text.matches(of: #/(?m)^(?:[@a-z]\S* )*(?:struct|class|enum|protocol|actor|typealias) (\w+)/#) {
        declared[match.1] = file.folder
      }
    }
    var edges: [String: Set<String>] = [:]
    for file in files {
      for name in file.text.matches(of: #/\b[A-Z]\w*/#).map(\.output) {
        if let folder = declared[name], folder != file.folder { edges[file.folder, default: []].insert(folder) }
      }
    }
    self.edges = edges
  }

  /// Files that stand in no folder form one of their own, ".".
  init(ofModuleAt url: URL) throws {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: url.path).filter { $0.hasSuffix(".swift") }
    try self.init(
      paths.sorted().map { path in
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        let text = try String(contentsOf: url.appending(path: path), encoding: .utf8)
        return SourceFile(folder: folder.isEmpty ? "." : folder, text: text)
      })
  }

  /// The folders of one cycle in order, the first again at the end; `nil` where there is none.
  var cycle: [String]? {
    var finished: Set<String> = []
    func search(_ folder: String, from path: [String]) -> [String]? {
      if let start = path.firstIndex(of: folder) { return path[start...] + [folder] }
      guard !finished.contains(folder) else { return nil }
      for next in edges[folder, default: []].sorted() {
        if let cycle = search(next, from: path + [folder]) { return cycle }
      }
      finished.insert(folder)
      return nil
    }
    for folder in edges.keys.sorted() {
      if let cycle = search(folder, from: []) { return cycle }
    }
    return nil
  }
}

extension String {
  /// The code alone: comments go, and of string literals the text.
  fileprivate var withoutCommentsAndWords: String {
    replacing(#/"""(?s:.*?)"""/#, with: "\"\"").replacing(#/"(?:\\.|[^"\\\n])*"/#, with: "\"\"")
      .replacing(#/\/\/[^\n]*/#, with: "")
  }
}
