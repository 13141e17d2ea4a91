import DenseLinearAlgebra
import DetectionHeads
import DurableFiles
import Foundation
import SwiftProtobuf

/// The precision of weights and features in an ONNX file.
public enum ONNXPrecision: String, Sendable, CaseIterable {
  /// Single precision for features, weights and scores.
  case fp32
  /// Half precision for features, weights and their product; scores are made from logits in single precision.
  case fp16
}

extension LinearHead {
  /// Writes the head as an ONNX model in plain operators: `features` [N, D] in, or [N, S, D] for the S stages of a
  /// cascade, `scores` [N, C] out, the classes by ascending category id, N of any size. Hidden layers are part of it.
  ///
  /// The metadata hold `class_names` and `category_ids` (JSON lists in the order of the columns), `groups` (groups.json),
  /// `layout` and `method`. Operator set 17, IR version 8.
  ///
  /// - Parameters:
  ///   - path: Where the file will stand.
  ///   - precision: Of features and weights.
  ///   - producerVersion: The program's.
  /// - Throws: `ModelExportError` if the head's scores cannot be said in plain operators, or a weight is beyond half
  ///   precision; `FileError`.
  public func writeONNX(to path: String, precision: ONNXPrecision = .fp32, producerVersion: String) throws {
    try DurableFile.write(
      try onnxModel(precision: precision, producerVersion: producerVersion), to: path)
  }

  /// The bytes of that file.
  package func onnxModel(precision: ONNXPrecision, producerVersion: String) throws -> Data {
    guard layout.anchorsPerLocation == nil else {
      throw ModelExportError(
        .unsupported, "a dense head is exported with the maps and anchors that it is for: give a set of feature maps")
    }
    let head = try withStagesJoined()
    var graph = ONNXGraph()
    let type: ONNXGraph.ElementType = precision == .fp16 ? .float16 : .float32
    if precision == .fp16 { try head.checkHalfPrecision() }
    let features = layout.stageCount == 1 ? "features" : graph.add("Flatten", ["features"], ["axis": .integer(1)])
    let logits = graph.logits(of: head, features: graph.apply(head.hidden, to: features, type: type), type: type)
    let scores = try graph.scores(logits, layout: head.layout)

    return try onnxModel(
      of: graph.finished(
        name: "head", inputs: [("features", type, inputShape)], outputs: [("scores", scores, [layout.classCount])]),
      description: "Scores of RoI features: features [\(onnxInputShape)] to scores [N, \(layout.classCount)]",
      producerVersion: producerVersion)
  }

  /// The bytes of a model with the head's classes, groups and names in its metadata.
  func onnxModel(of graph: Onnx_GraphProto, description: String, producerVersion: String) throws -> Data {
    var model = Onnx_ModelProto()
    model.irVersion = 8
    model.producerName = "bags"
    model.producerVersion = producerVersion
    model.docString = description
    var operators = Onnx_OperatorSetIdProto()
    operators.version = 17
    model.opsetImport = [operators]
    model.graph = graph
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    func json(_ value: some Encodable) throws -> String { String(decoding: try encoder.encode(value), as: UTF8.self) }
    model.metadataProps = [
      ("class_names", try json(groups.members.map(\.name))), ("category_ids", try json(groups.members.map(\.id))),
      ("groups", try groups.json()), ("layout", layout.name), ("method", method),
    ].map { key, value in
      var entry = Onnx_StringStringEntryProto()
      entry.key = key
      entry.value = value
      return entry
    }
    return try model.serializedData()
  }

  /// The model's input: `N, D`, or `N, S, D`.
  package var onnxInputShape: String { (["N"] + inputShape.map(String.init)).joined(separator: ", ") }

  private var inputShape: [Int] {
    layout.stageCount == 1 ? [inputs] : [layout.stageCount, inputs / layout.stageCount]
  }

  /// The one classifier that gives a cascade's mean logits from the features of all its stages, one after the other:
  /// (x₁ W₁ᵀ + … + x_S W_Sᵀ) / S = [x₁ … x_S] [W₁ … W_S]ᵀ / S.
  private func withStagesJoined() throws -> LinearHead {
    let stages = (0..<layout.stageCount).compactMap { stage($0) }
    guard let first = stages.first else { return self }
    let share = 1 / Float(stages.count)
    let values = first.bias.indices.flatMap { row in stages.flatMap { $0.weight.row(row).map { $0 * share } } }
    return try LinearHead(
      weight: Matrix(rows: first.bias.count, columns: inputs, values: values),
      bias: first.bias.indices.map { row in stages.reduce(0) { $0 + $1.bias[row] * share } },
      layout: first.layout, groups: groups, method: method)
  }

  func checkHalfPrecision() throws {
    let below =
      hidden.map { ($0.weight, $0.bias) }
      + tower.layers.map { ($0.weight, $0.bias.isEmpty ? Array(repeating: 0, count: $0.weight.rows) : $0.bias) }
    let layers = below + [(weight, bias)]
    for (index, (weight, bias)) in layers.enumerated() {
      let tooLarge = bias.indices.first { row in (weight.row(row) + [bias[row]]).contains { abs($0) >= 65520 } }
      guard let row = tooLarge else { continue }
      let place =
        index < hidden.count
        ? "hidden layer \(index)" : index < below.count ? "convolution \(index)" : "the head"
      throw ModelExportError(
        .outOfRange, "row \(row) of \(place) holds a number beyond half precision (65504); export it as fp32")
    }
  }
}

extension ONNXGraph {
  /// max(0, x Wᵀ + b) of each layer.
  fileprivate mutating func apply(_ layers: [HiddenLayer], to features: String, type: ElementType) -> String {
    var value = features
    for (index, layer) in layers.enumerated() {
      let weight = constant(
        floats: layer.weight.storage, shape: [layer.outputs, layer.inputs], type: type, name: "weight_\(index)")
      let bias = constant(floats: layer.bias, shape: [layer.outputs], type: type, name: "bias_\(index)")
      let product = add("Gemm", [value, weight, bias], ["transB": .integer(1)])
      value = add("Relu", [product])
    }
    return value
  }

  /// x Wᵀ + b, or cosines where the layout says so, in single precision.
  fileprivate mutating func logits(of head: LinearHead, features: String, type: ElementType) -> String {
    let rows = 0..<head.bias.count
    switch head.layout.product {
    case .linear: return linear(features, head, rows: rows, type: type)
    case .cosine: return cosines(features, head, rows: rows, type: type)
    case .normed(let temperature):
      let bias = constant(floats: head.bias, shape: [head.bias.count], name: "bias")
      let products = cosines(features, head, rows: rows, temperature: temperature, type: type)
      return add("Add", [products, bias])
    case .linearThenCosine(let count):
      let first = linear(features, head, rows: 0..<count, type: type)
      let rest = cosines(features, head, rows: count..<rows.upperBound, type: type)
      return add("Concat", [first, rest], ["axis": .integer(1)])
    }
  }

  private mutating func linear(
    _ features: String, _ head: LinearHead, rows: Range<Int>, type: ElementType
  ) -> String {
    let values = rows.flatMap { head.weight.row($0) }
    let weight = constant(floats: values, shape: [rows.count, head.weight.columns], type: type, name: "weight")
    let bias = constant(floats: Array(head.bias[rows]), shape: [rows.count], type: type, name: "bias")
    let product = add("Gemm", [features, weight, bias], ["transB": .integer(1)])
    return type == .float32 ? product : cast(product, to: .float32)
  }

  /// The rows' lengths are known; the features' are taken in single precision, where a square does not overflow. Those of
  /// a normed linear layer, which has a temperature, get its ε added.
  private mutating func cosines(
    _ given: String, _ head: LinearHead, rows: Range<Int>, temperature: Float? = nil, type: ElementType
  ) -> String {
    let values = rows.flatMap { row in
      let values = head.weight.row(row)
      let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      let length = temperature == nil ? max(norm, 1e-12) : norm + Double(NormedLayout.epsilon)
      return values.map { Float(Double($0) / length * Double(temperature ?? 1)) }
    }
    let weight = constant(floats: values, shape: [rows.count, head.weight.columns], type: type, name: "directions")
    let features = type == .float32 ? given : cast(given, to: .float32)
    let norms = add("ReduceL2", [features], ["axes": .integers([1]), "keepdims": .integer(1)])
    let smallest = constant(floats: [temperature == nil ? 1e-12 : NormedLayout.epsilon], shape: [1])
    let lengths = add(temperature == nil ? "Max" : "Add", [norms, smallest])
    let unit = add("Div", [features, lengths])
    if type == .float32 { return add("Gemm", [unit, weight], ["transB": .integer(1)]) }
    let narrow = cast(unit, to: type)
    let product = add("Gemm", [narrow, weight], ["transB": .integer(1)])
    return cast(product, to: .float32)
  }

  /// Class scores from logits, as the layout has them (`LogitLayout.scores`).
  mutating func scores(_ logits: String, layout: any LogitLayout) throws -> String {
    let classCount = layout.classCount
    switch layout.unnormed {
    case is SoftmaxLayout:
      let all = softmax(logits)
      return columns(all, 1, classCount + 1)
    case let layout as CosineLayout:
      let scale = constant(floats: [layout.scale], shape: [1])
      let scaled = add("Mul", [logits, scale])
      let all = softmax(scaled)
      return columns(all, 1, classCount + 1)
    case let layout as ScaledLayout:
      let scales = constant(floats: layout.scales, shape: [classCount + 1], name: "scales")
      let scaled = add("Mul", [logits, scales])
      let all = softmax(scaled)
      return columns(all, 1, classCount + 1)
    case let layout as ShiftedSigmoidLayout:
      let start = layout.logit(ofClass: 0)
      let classes = columns(logits, start, start + classCount)
      let shifts = constant(floats: layout.shifts, shape: [classCount], name: "shifts")
      let shifted = add("Add", [classes, shifts])
      let (factors, plain) = (add("Sigmoid", [shifted]), sigmoidScores(logits, layout.base))
      return add("Mul", [plain, factors])
    case let layout as CompetingSigmoidLayout:
      let start = layout.logit(ofClass: 0)
      let classes = columns(logits, start, start + classCount)
      let exponent = constant(floats: [layout.exponent], shape: [1], name: "exponent")
      let logShares = add("LogSoftmax", [classes], ["axis": .integer(1)])
      let scaled = add("Mul", [logShares, exponent])
      let (factors, plain) = (add("Exp", [scaled]), sigmoidScores(logits, layout.base))
      return add("Mul", [plain, factors])
    case is GumbelLayout:
      let opposite = add("Neg", [logits])
      let inner = add("Exp", [opposite])
      let outer = add("Neg", [inner])
      return add("Exp", [outer])
    case let layout as GroupedLayout: return groupedScores(logits, layout)
    case let layout as SigmoidLayout: return sigmoidScores(logits, layout)
    case is SeesawLayout:
      let parts = split(logits, widths: [classCount, 2])
      let (classes, objectness) = (softmax(parts[0]), softmax(parts[1]))
      let foreground = columns(objectness, 0, 1)
      return add("Mul", [classes, foreground])
    case let layout as DisAlignLayout: return disAlignScores(logits, layout)
    case let layout as NearestClassMeanLayout: return classMeanScores(logits, layout)
    case let layout as TauSelectLayout: return selectedScores(logits, layout)
    case let layout as MeanLayout: return try meanScores(logits, layout)
    default:
      throw ModelExportError(.unsupported, "a head of the layout \(layout.name) is not said in ONNX's operators here")
    }
  }

  /// The scores of every part on its own logits, added and divided by their number.
  private mutating func meanScores(_ logits: String, _ layout: MeanLayout) throws -> String {
    let inputs = split(logits, widths: layout.parts.map(\.logitCount))
    let scores = try zip(inputs, layout.parts).map { try self.scores($0, layout: $1) }
    return add("Mean", scores)
  }

  /// p₀ · p_group(c): a softmax for each group, `others` left out, in the order of the classes.
  private mutating func groupedScores(_ logits: String, _ layout: GroupedLayout) -> String {
    let slices = ([layout.backgroundSlice] + layout.slices).filter { !$0.isEmpty }
    let parts = split(logits, widths: slices.map(\.count))
    var groups: [String] = []
    var places = [Int](repeating: 0, count: layout.classCount)
    var width = 0
    let foregroundParts = zip(slices, parts).dropFirst(layout.backgroundSlice.isEmpty ? 0 : 1)
    for (slice, part) in foregroundParts {
      let classes = layout.groups.classesByGroup.first { members in
        members.first.map { slice.contains(layout.logit(ofClass: $0)) } ?? false
      }
      guard let classes else { continue }
      groups.append(softmax(part))
      for index in classes { places[index] = width + layout.positions[index] }
      width += slice.count
    }
    let all = groups.count == 1 ? groups[0] : add("Concat", groups, ["axis": .integer(1)])
    let order = constant(integers: places)
    let ofClasses = add("Gather", [all, order], ["axis": .integer(1)])
    switch layout.background {
    case .none: return ofClasses
    case .sigmoid:
      let foreground = add("Sigmoid", [parts[0]])
      return add("Mul", [ofClasses, foreground])
    case .official:
      let pair = softmax(parts[0])
      let foreground = columns(pair, 1, 2)
      return add("Mul", [ofClasses, foreground])
    }
  }

  private mutating func sigmoidScores(_ logits: String, _ layout: SigmoidLayout) -> String {
    let classCount = layout.classCount
    switch layout.background {
    case .none: return add("Sigmoid", [logits])
    case .first, .last:
      let start = layout.background == .first ? 1 : 0
      let classes = columns(logits, start, start + classCount)
      return add("Sigmoid", [classes])
    case .objectness:
      let parts = split(logits, widths: [classCount, 1])
      let classes = add("Sigmoid", [parts[0]])
      let opposite = add("Neg", [parts[1]])
      let foreground = add("Sigmoid", [opposite])
      return add("Mul", [classes, foreground])
    }
  }

  /// Softmax of background and ẑ_c = z_c + κ (s_c z_c + b_c − z_c), κ = σ(the last logit).
  private mutating func disAlignScores(_ logits: String, _ layout: DisAlignLayout) -> String {
    let classCount = layout.classCount
    let parts = split(logits, widths: [1, classCount, 1])
    let confidence = add("Sigmoid", [parts[2]])
    let magnitudes = constant(floats: layout.alignment.magnitudes, shape: [classCount], name: "magnitudes")
    let margins = constant(floats: layout.alignment.margins, shape: [classCount], name: "margins")
    let scaled = add("Mul", [parts[1], magnitudes])
    let moved = add("Add", [scaled, margins])
    let difference = add("Sub", [moved, parts[1]])
    let share = add("Mul", [difference, confidence])
    let aligned = add("Add", [parts[1], share])
    let all = add("Concat", [parts[0], aligned], ["axis": .integer(1)])
    let scores = softmax(all)
    return columns(scores, 1, classCount + 1)
  }

  /// (1 − p_bg) times the softmax of the cosines to the class means; a class without one scores 0.
  private mutating func classMeanScores(_ logits: String, _ layout: NearestClassMeanLayout) -> String {
    let classCount = layout.classCount
    let parts = split(logits, widths: [classCount + 1, classCount])
    let plain = softmax(parts[0])
    let background = columns(plain, 0, 1)
    let one = constant(floats: [1], shape: [1])
    let foreground = add("Sub", [one, background])
    // So far below any cosine that its exponential is 0.
    let offsets = constant(floats: layout.hasMean.map { $0 ? 0 : -1e9 }, shape: [classCount])
    let hasMean = constant(floats: layout.hasMean.map { $0 ? 1 : 0 }, shape: [classCount])
    let known = add("Add", [parts[1], offsets])
    let all = softmax(known)
    let shares = add("Mul", [all, hasMean])
    return add("Mul", [shares, foreground])
  }

  /// The softmax of the τ-normed classifier where it finds a tail class most likely and the plain one no background; else
  /// the plain one's.
  private mutating func selectedScores(_ logits: String, _ layout: TauSelectLayout) -> String {
    let width = layout.classCount + 1
    let parts = split(logits, widths: [width, width])
    let first: [String: Attribute] = ["axis": .integer(1), "keepdims": .integer(1)]
    let (ofPlain, ofNormed) = (add("ArgMax", [parts[0]], first), add("ArgMax", [parts[1]], first))
    let background = constant(integers: [0])
    let isForeground = add("Greater", [ofPlain, background])
    let tail = constant(floats: [0] + layout.isTail.map { $0 ? 1 : 0 }, shape: [width])
    let share = add("Gather", [tail, ofNormed], ["axis": .integer(0)])
    let half = constant(floats: [0.5], shape: [1])
    let isTail = add("Greater", [share, half])
    let isSelected = add("And", [isForeground, isTail])
    let (plain, normed) = (softmax(parts[0]), softmax(parts[1]))
    let chosen = add("Where", [isSelected, normed, plain])
    return columns(chosen, 1, width)
  }
}
