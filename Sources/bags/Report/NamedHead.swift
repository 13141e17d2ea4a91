import BalancedGroupSoftmax
import Foundation

/// A head that the user named, by its file or its run.
struct NamedHead {
  /// What to call it: the run's name, or the file's without its extension.
  let name: String
  /// The head file.
  let path: String
  /// The run's folder; `nil` for a bare file.
  let run: String?

  /// Finds the head that an argument names.
  ///
  /// - Parameters:
  ///   - argument: A run's folder or a head file.
  ///   - hint: What to say to one that names nothing.
  /// - Throws: `CommandFailure` where it names nothing, or a folder that is no run.
  init(_ argument: String, hint: (String) -> String = { _ in "" }) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) else {
      throw CommandFailure("\(argument): no such run or head file\(hint(argument))")
    }
    if isFolder.boolValue {
      path = RunFolder.headPath(for: argument)
      guard FileManager.default.fileExists(atPath: path) else {
        throw CommandFailure("\(argument): holds no head.safetensors; a run that `bags train` has finished does")
      }
      // runs/latest is called what it points to.
      name = URL(fileURLWithPath: argument).resolvingSymlinksInPath().lastPathComponent
      run = argument.count > 1 && argument.hasSuffix("/") ? String(argument.dropLast()) : argument
    } else {
      path = argument
      run = nil
      name = URL(fileURLWithPath: argument).deletingPathExtension().lastPathComponent
    }
  }

  /// The heads that the arguments name, or the latest run's where there is none.
  static func all(_ arguments: [String], hint: (String) -> String = { _ in "" }) throws -> [NamedHead] {
    var arguments = arguments
    if arguments.isEmpty {
      arguments = [try RunFolder.latestOrFail().path]
    }
    let heads = try arguments.map { try NamedHead($0, hint: hint) }
    // The same name twice tells nothing apart: such heads are called by their paths.
    let repeated = Dictionary(grouping: heads, by: \.name).filter { $1.count > 1 }
    return heads.map { repeated[$0.name] == nil ? $0 : NamedHead(name: $0.run ?? $0.path, path: $0.path, run: $0.run) }
  }

  /// The same head by another name.
  func named(_ name: String) -> NamedHead { NamedHead(name: name, path: path, run: run) }

  private init(name: String, path: String, run: String?) {
    self.name = name
    self.path = path
    self.run = run
  }
}

extension RunFolder {
  /// The run that `runs/latest` points to.
  ///
  /// - Throws: `CommandFailure` where there is none.
  static func latestOrFail() throws -> RunFolder {
    guard let latest = latest() else {
      throw CommandFailure("there is no runs/latest here: `bags train` makes one, or name what to draw")
    }
    return latest
  }
}
