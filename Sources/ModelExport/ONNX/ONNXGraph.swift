import CVectorKernels
import Foundation

/// An ONNX graph under construction: operators, and the constants that they take.
///
/// Values are named by what makes them; every operator here has one output, but for `split`.
struct ONNXGraph {
  /// What a value's elements are; the raw value is ONNX's number for it.
  enum ElementType: Int32 {
    case float32 = 1
    case int64 = 7
    case float16 = 10
  }

  private(set) var nodes: [Onnx_NodeProto] = []
  private(set) var constants: [Onnx_TensorProto] = []

  /// Adds an operator with one output.
  ///
  /// - Returns: The output's name.
  mutating func add(_ type: String, _ inputs: [String], _ attributes: [String: Attribute] = [:]) -> String {
    add(type, inputs, attributes, outputs: 1)[0]
  }

  /// An attribute's value.
  enum Attribute {
    case integer(Int)
    case integers([Int])
  }

  private mutating func add(
    _ type: String, _ inputs: [String], _ attributes: [String: Attribute], outputs: Int
  ) -> [String] {
    var node = Onnx_NodeProto()
    node.name = "\(type)_\(nodes.count)"
    node.opType = type
    node.input = inputs
    node.output = outputs == 1 ? [node.name] : (0..<outputs).map { "\(node.name)_\($0)" }
    node.attribute = attributes.sorted { $0.key < $1.key }.map { name, value in
      var attribute = Onnx_AttributeProto()
      attribute.name = name
      switch value {
      case .integer(let integer):
        attribute.i = Int64(integer)
        attribute.type = .int
      case .integers(let integers):
        attribute.ints = integers.map { Int64($0) }
        attribute.type = .ints
      }
      return attribute
    }
    nodes.append(node)
    return node.output
  }

  /// Cuts the columns of a value into pieces of these widths.
  mutating func split(_ value: String, widths: [Int]) -> [String] {
    if widths.count == 1 { return [value] }
    let sizes = constant(integers: widths)
    return add("Split", [value, sizes], ["axis": .integer(1)], outputs: widths.count)
  }

  /// The columns of a value from `start` up to, not including, `end`.
  mutating func columns(_ value: String, _ start: Int, _ end: Int) -> String {
    let (first, last, axis) = (constant(integers: [start]), constant(integers: [end]), constant(integers: [1]))
    return add("Slice", [value, first, last, axis])
  }

  /// Softmax over the columns.
  mutating func softmax(_ value: String) -> String { add("Softmax", [value], ["axis": .integer(1)]) }

  /// A value in another element type.
  mutating func cast(_ value: String, to type: ElementType) -> String {
    add("Cast", [value], ["to": .integer(Int(type.rawValue))])
  }

  /// A constant of integers.
  mutating func constant(integers: [Int]) -> String {
    let bytes = integers.map { Int64($0).littleEndian }.withUnsafeBytes { Data($0) }
    return constant(bytes, type: .int64, shape: [integers.count], name: "constant_\(constants.count)")
  }

  /// A constant of numbers.
  ///
  /// - Parameter type: F32, or F16, rounded to nearest.
  mutating func constant(
    floats: [Float], shape: [Int], type: ElementType = .float32, name: String? = nil
  ) -> String {
    var data = floats.withUnsafeBytes { Data($0) }
    if type == .float16 {
      data = Data(count: 2 * floats.count)
      data.withUnsafeMutableBytes { bytes in
        if let destination = bytes.baseAddress { bags_narrow_f16(floats, destination, floats.count) }
      }
    }
    return constant(data, type: type, shape: shape, name: name ?? "constant_\(constants.count)")
  }

  private mutating func constant(_ data: Data, type: ElementType, shape: [Int], name: String) -> String {
    // The same constant is kept once.
    if let same = constants.first(where: {
      $0.rawData == data && $0.dataType == type.rawValue && $0.dims == shape.map { Int64($0) }
    }) {
      return same.name
    }
    var tensor = Onnx_TensorProto()
    tensor.name = name
    tensor.dataType = type.rawValue
    tensor.dims = shape.map { Int64($0) }
    tensor.rawData = data
    constants.append(tensor)
    return name
  }

  /// The graph, with inputs and outputs whose first dimension is as long as the batch.
  ///
  /// - Parameters:
  ///   - inputs: The name of each input, its element type and its shape without the first dimension.
  ///   - outputs: What the value `value` is called outside, and its shape without the first dimension; F32.
  func finished(
    name: String, inputs: [(name: String, type: ElementType, shape: [Int])],
    outputs: [(name: String, value: String, shape: [Int])]
  ) -> Onnx_GraphProto {
    var graph = Onnx_GraphProto()
    graph.name = name
    let names = Dictionary(outputs.map { ($0.value, $0.name) }) { $1 }
    graph.node = nodes.map { node in
      var node = node
      node.output = node.output.map { names[$0] ?? $0 }
      node.input = node.input.map { names[$0] ?? $0 }
      return node
    }
    graph.initializer = constants
    graph.input = inputs.map { Self.value($0.name, $0.type, shape: $0.shape) }
    graph.output = outputs.map { Self.value($0.name, .float32, shape: $0.shape) }
    return graph
  }

  private static func value(_ name: String, _ type: ElementType, shape: [Int]) -> Onnx_ValueInfoProto {
    var batch = Onnx_TensorShapeProto.Dimension()
    batch.dimParam = "N"
    let row = shape.map { count in
      var dimension = Onnx_TensorShapeProto.Dimension()
      dimension.dimValue = Int64(count)
      return dimension
    }
    var value = Onnx_ValueInfoProto()
    value.name = name
    value.type.tensorType.elemType = type.rawValue
    value.type.tensorType.shape.dim = [batch] + row
    return value
  }
}
