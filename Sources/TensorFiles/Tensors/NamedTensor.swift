/// A tensor in memory, to be written to a file.
public struct NamedTensor: Sendable {
  /// Its values; floating-point ones are stored in a type of choice.
  enum Values: Sendable {
    case floats([Float])
    case integers([Int64])
    case bytes([UInt8])
  }

  /// The name of the tensor in the file.
  public let name: String
  /// The type in which its elements are stored.
  public let elementType: TensorElementType
  /// The sizes of its dimensions, the outermost first.
  public let shape: [Int]
  let values: Values

  /// Floating-point numbers.
  ///
  /// - Parameter elementType: What to store them as: F32, F16 or BF16 (rounded to nearest, ties to even).
  public init(_ name: String, floats values: [Float], shape: [Int], as elementType: TensorElementType = .float32) {
    self.init(name: name, elementType: elementType, shape: shape, values: .floats(values))
  }

  /// Integers, stored as I64.
  public init(_ name: String, integers values: [Int64], shape: [Int]) {
    self.init(name: name, elementType: .int64, shape: shape, values: .integers(values))
  }

  /// Bytes of any element type, row-major and little-endian.
  public init(_ name: String, bytes: [UInt8], elementType: TensorElementType, shape: [Int]) {
    self.init(name: name, elementType: elementType, shape: shape, values: .bytes(bytes))
  }

  /// The same numbers by another name, stored in another type.
  package func renamed(_ name: String, as elementType: TensorElementType) -> NamedTensor {
    NamedTensor(name: name, elementType: elementType, shape: shape, values: values)
  }

  private init(name: String, elementType: TensorElementType, shape: [Int], values: Values) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
    self.values = values
  }
}
