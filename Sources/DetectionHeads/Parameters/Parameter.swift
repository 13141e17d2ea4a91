import DenseLinearAlgebra
import TensorFiles

/// A named array of trained numbers with its gradient and its velocity: the weight or the bias of a layer, or what a loss
/// learns beside them.
///
/// The optimiser, clipping, checkpoints and head files go over parameters and know no layer by name.
public struct Parameter: Sendable, Equatable {
  /// The name of the tensor in head files and checkpoints, such as `fc_cls.weight`.
  public let name: String
  /// The values; a bias or another vector of n numbers is [n, 1].
  public var values: Matrix<Float>
  /// dLoss/dvalues of the present batch, in the shape of the values.
  public var gradient: Matrix<Float>
  /// The momentum of the values, in their shape.
  public var velocity: Matrix<Float>
  /// The rows that are trained; the others stay as they are, without weight decay.
  public var trainedRows: Range<Int>
  /// The shape of the tensor in files: [rows, columns], or [n] for a vector.
  public let shape: [Int]

  /// A matrix that starts from values, all rows of it trained, at rest.
  public init(_ name: String, values: Matrix<Float>) {
    self.init(name, values: values, shape: [values.rows, values.columns])
  }

  /// A vector that starts from values, all of it trained, at rest.
  public init(_ name: String, values: [Float]) {
    self.init(name, values: Matrix(rows: values.count, columns: 1, values: values), shape: [values.count])
  }

  private init(_ name: String, values: Matrix<Float>, shape: [Int]) {
    self.name = name
    self.values = values
    self.shape = shape
    gradient = Matrix(rows: values.rows, columns: values.columns)
    velocity = gradient
    trainedRows = 0..<values.rows
  }
}

extension Parameter {
  private static let velocityPrefix = "momentum."

  /// The values, and their momentum, as tensors of a checkpoint.
  package var checkpointTensors: [NamedTensor] {
    [
      NamedTensor(name, floats: values.storage, shape: shape),
      NamedTensor(Self.velocityPrefix + name, floats: velocity.storage, shape: shape),
    ]
  }

  /// The parameters of a checkpoint: every tensor whose momentum stands beside it, by name.
  ///
  /// - Throws: `TensorFileError` if one is no array of numbers; `LinearHeadError` if it is no matrix or vector, or its
  ///   momentum has another shape.
  package static func parameters(in file: any TensorContainer) throws -> [Parameter] {
    let names = Set(file.names)
    return try file.names.sorted().filter { names.contains(velocityPrefix + $0) }.map { name in
      let (tensor, velocity) = (try file.tensor(name), try file.tensor(velocityPrefix + name))
      guard (1...2).contains(tensor.shape.count), velocity.shape == tensor.shape else {
        throw LinearHeadError(
          .wrongShape, "\(name) and its momentum are no matrices or vectors of one shape", path: file.path)
      }
      let (rows, columns) = (tensor.shape[0], tensor.shape.count == 2 ? tensor.shape[1] : 1)
      let values = Matrix(rows: rows, columns: columns, values: try tensor.floats())
      var parameter = Parameter(name, values: values, shape: tensor.shape)
      parameter.velocity = Matrix(rows: rows, columns: columns, values: try velocity.floats())
      return parameter
    }
  }
}
