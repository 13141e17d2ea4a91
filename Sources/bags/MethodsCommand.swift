import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles

struct MethodsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "methods",
    abstract: "List the methods, samplers, mining, box losses, adversaries and calibrations, and the options of each.",
    discussion: """
      Losses, samplers, ways to choose RoIs and box losses combine in `bags train`; calibrations are done to a trained head \
      by `bags calibrate`. What does not go together is refused with the reason.

      EXAMPLES
        bags methods
        bags methods focal
        bags methods tau-norm
        bags methods --format json
        bags methods --bibtex bags rfs tau-norm >> paper.bib
      """)

  @Argument(
    help: .init("Methods: their options with their defaults.", valueName: "name"),
    completion: .list(MethodKind.all.flatMap { $0.methods.map(\.name) }))
  var names: [String] = []

  @Flag(help: "Print the papers that the methods come from as BibTeX, each once.")
  var bibtex = false

  @OptionGroup var format: FormatOptions

  func validate() throws {
    _ = try kinds()
    if bibtex && format.isJSON { throw ValidationError("--bibtex is a format of its own: leave --format json out") }
  }

  func run() throws {
    let kinds = try kinds()
    if bibtex {
      cite(kinds.flatMap(\.methods))
    } else if format.isJSON {
      try printJSON(MethodList(kinds, unavailable: names.isEmpty ? UnavailableMethod.all : nil))
    } else if names.isEmpty {
      list(kinds)
    } else {
      for kind in kinds { kind.methods.forEach { describe($0, of: kind) } }
    }
  }

  private func cite(_ methods: [any NamedMethod]) {
    for method in methods where Bibliography.entries(for: method).isEmpty {
      StandardStreams.warn("\(method.name): no BibTeX entry; it is said to come from \(method.source)")
    }
    StandardStreams.result(Bibliography.entries(for: methods).map(\.bibtex).joined(separator: "\n\n"))
  }

  /// The kinds of methods, each with those of the names that were given; a sampler and a way to choose RoIs share one.
  private func kinds() throws -> [MethodKind] {
    guard !names.isEmpty else { return MethodKind.all }
    let known = MethodKind.all.flatMap { $0.methods.map(\.name) }
    for name in names where !known.contains(name) {
      let hint = closest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
      throw ValidationError("there is no method '\(name)'\(hint)")
    }
    return MethodKind.all.map { $0.named(names) }.filter { !$0.methods.isEmpty }
  }

  private func list(_ kinds: [MethodKind]) {
    let style = TerminalStyle.output
    let indent = (kinds.flatMap { $0.methods.map(\.name.count) }.max() ?? 0) + 2
    for kind in kinds {
      StandardStreams.result("\(style.bold(kind.title))  \(kind.option)")
      for method in kind.methods {
        let options = method.parameters.map { "--\($0.name) \($0.defaultValue)" }
        let text = folded(
          "\(method.summary) (\(method.source))" + (method.needsWithOption.map { "; needs \($0)" } ?? ""),
          indent: indent)
        StandardStreams.result(
          method.name + pad(indent - method.name.count) + text
            + (options.isEmpty ? "" : "\n" + pad(indent) + style.dim(folded(words: options, indent: indent))))
      }
      StandardStreams.result("")
    }
    StandardStreams.result(style.bold("Not possible with cached features"))
    for method in UnavailableMethod.all {
      StandardStreams.result(folded("\(method.name) (\(method.source)): \(method.reason).", indent: 0))
    }
  }

  private func describe(_ method: any NamedMethod, of kind: MethodKind) {
    StandardStreams.result(
      folded("\(method.name): \(method.summary) (\(method.source)). It is chosen by \(kind.option).", indent: 0))
    if let needs = method.needsWithOption { StandardStreams.result("It needs \(needs).") }
    guard !method.parameters.isEmpty else {
      StandardStreams.result("It has no options of its own.")
      return
    }
    let heads = method.parameters.map { "--\($0.name) \($0.defaultValue)" }
    let indent = (heads.map(\.count).max() ?? 0) + 2
    for (head, parameter) in zip(heads, method.parameters) {
      StandardStreams.result(
        head + pad(indent - head.count)
          + folded("\(parameter.summary) (\(parameter.allowed))", indent: indent))
    }
  }
}

/// Methods that are chosen by the same option.
struct MethodKind {
  /// What they are.
  let title: String
  /// How one is chosen.
  let option: String
  /// The key in JSON.
  let key: String
  let methods: [any NamedMethod]

  /// Every kind.
  static let all = [
    MethodKind(title: "Losses", option: "bags train --method NAME", key: "methods", methods: TrainingMethod.all),
    MethodKind(
      title: "Images", option: "bags train --sampler NAME", key: "samplers", methods: ImageSamplingMethod.all),
    MethodKind(title: "RoIs", option: "bags train --mining NAME", key: "mining", methods: RoIMiningMethod.all),
    MethodKind(title: "Boxes", option: "bags train --box-loss NAME", key: "box_losses", methods: BoxLossMethod.all),
    MethodKind(
      title: "Adversaries", option: "bags train --adversary NAME", key: "adversaries", methods: AdversaryMethod.all),
    MethodKind(
      title: "After training", option: "bags calibrate --method NAME", key: "calibrations",
      methods: CalibrationMethod.all),
  ]

  /// The same kind with the methods of some names alone.
  func named(_ names: [String]) -> MethodKind {
    MethodKind(title: title, option: option, key: key, methods: methods.filter { names.contains($0.name) })
  }
}

/// What `bags methods --format json` prints: a list for each kind, and what cannot be.
private struct MethodList: Encodable {
  private let kinds: [MethodKind]
  private let unavailable: [UnavailableMethod]?

  init(_ kinds: [MethodKind], unavailable: [UnavailableMethod]?) {
    self.kinds = kinds
    self.unavailable = unavailable
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: NamedKey.self)
    for kind in kinds { try container.encode(kind.methods.map { Method($0) }, forKey: NamedKey(kind.key)) }
    try container.encodeIfPresent(unavailable?.map { Unavailable($0) }, forKey: NamedKey("unavailable"))
  }

  private struct Method: Encodable {
    struct Parameter: Encodable {
      var name: String
      var summary: String
      var `default`: String
      var allowed: String
    }
    var name: String
    var summary: String
    var source: String
    var needs: String?
    var parameters: [Parameter]

    init(_ method: any NamedMethod) {
      name = method.name
      summary = method.summary
      source = method.source
      needs = method.needsWithOption
      parameters = method.parameters.map {
        Parameter(name: $0.name, summary: $0.summary, default: $0.defaultValue, allowed: $0.allowed)
      }
    }
  }

  private struct Unavailable: Encodable {
    var name: String
    var source: String
    var reason: String

    init(_ method: UnavailableMethod) {
      name = method.name
      source = method.source
      reason = method.reason
    }
  }
}
