import ArgumentParser
import DetectionHeads

struct MethodsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "methods",
    abstract: "List the methods that `bags train --method` knows, and the options of each.",
    discussion: """
      EXAMPLES
        bags methods
        bags methods focal
        bags methods --format json
      """)

  @Argument(help: .init("A method: its options with their defaults.", valueName: "name"))
  var name: String?

  @OptionGroup var format: FormatOptions

  func validate() throws { _ = try chosen() }

  func run() throws {
    let methods = try chosen()
    if format.isJSON {
      try printJSON(
        MethodList(
          methods: methods.map { MethodList.Method($0) },
          unavailable: name == nil ? UnavailableMethod.all.map { MethodList.Unavailable($0) } : nil))
    } else if let method = methods.first, name != nil {
      describe(method)
    } else {
      list(methods)
    }
  }

  private func chosen() throws -> [TrainingMethod] {
    guard let name else { return TrainingMethod.all }
    if let method = TrainingMethod.named(name) { return [method] }
    let hint = closest(to: name, among: TrainingMethod.all.map(\.name)).map { "; did you mean \($0)?" } ?? ""
    throw ValidationError("there is no method '\(name)'\(hint)")
  }

  private func list(_ methods: [TrainingMethod]) {
    var table = TextTable([("method", .left), ("what it does", .left), ("options", .left)])
    for method in methods {
      table.add([
        method.name, method.summary,
        method.parameters.map { "--\($0.name) \($0.defaultValue)" }.joined(separator: " "),
      ])
    }
    StandardStreams.result(table.rendered())
    StandardStreams.result("\nNot possible with cached features:")
    for method in UnavailableMethod.all {
      StandardStreams.result("  \(method.name) (\(method.source)): \(method.reason).")
    }
  }

  private func describe(_ method: TrainingMethod) {
    StandardStreams.result("\(TerminalStyle.output.bold(method.name)): \(method.summary) (\(method.source)).")
    if method.needsInitialHead { StandardStreams.result("It needs a trained softmax head: --init.") }
    guard !method.parameters.isEmpty else {
      StandardStreams.result("It has no options of its own.")
      return
    }
    var table = TextTable([("option", .left), ("default", .left), ("takes", .left), ("what it is", .left)])
    for parameter in method.parameters {
      table.add(["--\(parameter.name)", parameter.defaultValue, parameter.allowed, parameter.summary])
    }
    StandardStreams.result("\n" + table.rendered())
  }
}

/// What `bags methods --format json` prints.
private struct MethodList: Encodable {
  struct Parameter: Encodable {
    var name: String
    var summary: String
    var `default`: String
    var allowed: String
  }

  struct Method: Encodable {
    var name: String
    var summary: String
    var source: String
    var needs_initial_head: Bool
    var parameters: [Parameter]

    init(_ method: TrainingMethod) {
      name = method.name
      summary = method.summary
      source = method.source
      needs_initial_head = method.needsInitialHead
      parameters = method.parameters.map {
        Parameter(name: $0.name, summary: $0.summary, default: $0.defaultValue, allowed: $0.allowed)
      }
    }
  }

  struct Unavailable: Encodable {
    var name: String
    var source: String
    var reason: String

    init(_ method: UnavailableMethod) {
      name = method.name
      source = method.source
      reason = method.reason
    }
  }

  var methods: [Method]
  var unavailable: [Unavailable]?
}
