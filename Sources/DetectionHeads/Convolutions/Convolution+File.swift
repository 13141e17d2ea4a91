import DenseLinearAlgebra
import TensorFiles

/// 3 × 3 convolutions in files: frameworks keep a weight as [H, C, 3, 3], the products here want rows of 9C numbers in the
/// order of a patch, row by row of the neighbourhood, the channels of each location together.
extension LinearRows {
  /// Reads a convolution `NAME.weight` [H, C, 3, 3] and `NAME.bias` [H] as rows of patches [H, 9C].
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - name: The layer.
  ///   - needsBias: Whether it must have one; else the biases of a layer without are 0.
  /// - Throws: `TensorFileError` if one is missing; `LinearHeadError` if they do not fit or a number is not finite.
  package init(convolution name: String, of file: any TensorContainer, needsBias: Bool = true) throws {
    let weight = try file.tensor("\(name).weight")
    let bias = needsBias ? try file.tensor("\(name).bias") : try file.tensorIfPresent("\(name).bias")
    guard weight.shape.count == 4, weight.shape[0] > 0, weight.shape[1] > 0, weight.shape[2...] == [3, 3],
      bias.map({ $0.shape == [weight.shape[0]] }) ?? true
    else {
      throw LinearHeadError(
        .wrongShape,
        "\(name).weight has shape \(weight.shape) and \(name).bias \(bias?.shape ?? []); a convolution [rows, D, 3, 3] "
          + "and [rows] are expected", path: file.path)
    }
    self.init(
      weight: Self.patchRows(try weight.floats(), rows: weight.shape[0], channels: weight.shape[1]),
      bias: try bias?.floats() ?? Array(repeating: 0, count: weight.shape[0]))
    guard self.weight.storage.allSatisfy(\.isFinite), self.bias.allSatisfy(\.isFinite) else {
      throw LinearHeadError(.notFinite, "a number of \(name) is not finite", path: file.path)
    }
  }

  /// [rows, C, 3, 3] as [rows, 9C].
  package static func patchRows(_ values: [Float], rows: Int, channels: Int) -> Matrix<Float> {
    var result = [Float](repeating: 0, count: values.count)
    for row in 0..<rows {
      for channel in 0..<channels {
        for tap in 0..<9 {
          result[(row * 9 + tap) * channels + channel] = values[(row * channels + channel) * 9 + tap]
        }
      }
    }
    return Matrix(rows: rows, columns: 9 * channels, values: result)
  }

  /// [rows, 9C] as [rows, C, 3, 3].
  package static func convolution(_ weight: Matrix<Float>) -> (values: [Float], shape: [Int]) {
    let channels = weight.columns / 9
    let values = weight.storage
    var result = [Float](repeating: 0, count: values.count)
    for row in 0..<weight.rows {
      for channel in 0..<channels {
        for tap in 0..<9 {
          result[(row * channels + channel) * 9 + tap] = values[(row * 9 + tap) * channels + channel]
        }
      }
    }
    return (result, [weight.rows, channels, 3, 3])
  }

  /// The tensors `NAME.weight` and `NAME.bias` of a convolution.
  package func convolutionTensors(_ name: String, as elementType: TensorElementType = .float32) -> [NamedTensor] {
    let (values, shape) = Self.convolution(weight)
    return [
      NamedTensor("\(name).weight", floats: values, shape: shape, as: elementType),
      NamedTensor("\(name).bias", floats: bias, shape: [bias.count], as: elementType),
    ]
  }
}
