import DenseLinearAlgebra
import TensorFiles

/// The regression branch of a dense detector: convolutions of its own, and a last one that gives the deltas of each of the A
/// anchors of a location, the same for all classes. It shares no weight with the classification branch.
///
/// Legend: A anchors a location, C channels that the last convolution takes. Deltas are not divided by any deviations, as in
/// the three frameworks' RetinaNet.
public struct BoxBranch: Sendable, Equatable {
  /// The convolutions below the last one.
  public private(set) var tower: ConvolutionTower
  /// The weight of the last one [4A, 9C]: dx, dy, dw, dh of anchor 0, of anchor 1, …; a row is a patch.
  public private(set) var weight: Matrix<Float>
  /// Its bias [4A].
  public private(set) var bias: [Float]

  /// Makes a branch.
  ///
  /// - Throws: `LinearHeadError` if the shapes do not fit each other.
  public init(tower: ConvolutionTower, weight: Matrix<Float>, bias: [Float]) throws {
    guard weight.rows == bias.count, weight.rows > 0, weight.rows.isMultiple(of: 4), weight.columns.isMultiple(of: 9)
    else {
      throw LinearHeadError(
        .wrongShape,
        "a regression branch of \(weight.rows) outputs and \(bias.count) biases; 4 for each anchor are expected")
    }
    if let fault = tower.fault(below: weight.columns / 9) { throw LinearHeadError(.wrongShape, fault) }
    self.tower = tower
    self.weight = weight
    self.bias = bias
  }

  /// A fresh branch: weights from N(0, .01), biases 0.
  ///
  /// - Parameters:
  ///   - tower: The convolutions below the last one.
  ///   - channels: The channels of the maps.
  ///   - anchorCount: A.
  ///   - generator: Draws the weights.
  public init(
    fresh tower: ConvolutionTower, channels: Int, anchorCount: Int, using generator: inout some RandomNumberGenerator
  ) {
    self.tower = tower
    let columns = 9 * (tower.layers.last?.outputs ?? channels)
    weight = Matrix(
      rows: 4 * anchorCount, columns: columns,
      values: (0..<4 * anchorCount * columns).map { _ in Float(0.01 * standardNormal(using: &generator)) })
    bias = Array(repeating: 0, count: 4 * anchorCount)
  }

  /// The number A of anchors at each location.
  public var anchorsPerLocation: Int { bias.count / 4 }
  /// The channels of the maps that it takes.
  public var channelCount: Int { tower.layers.first?.inputs ?? weight.columns / 9 }

  /// The same with as many groups of GroupNorm where the file that it comes from does not say how many.
  ///
  /// - Throws: `LinearHeadError` if they do not divide the channels.
  public func statingNormGroups(_ groups: Int) throws -> BoxBranch {
    try BoxBranch(tower: tower.statingNormGroups(groups), weight: weight, bias: bias)
  }

  /// The rows of the last convolution.
  package var last: LinearRows { LinearRows(weight: weight, bias: bias) }
}

extension BoxBranch {
  /// Weights and biases as parameters: the last convolution's first, then those of the layers below it.
  package var parameters: [Parameter] {
    [Parameter("fc_reg.weight", values: weight), Parameter("fc_reg.bias", values: bias)]
      + tower.parameters(prefix: "box_tower")
  }

  /// The branch with the values of parameters in the order of `parameters`; their arrays are shared, not copied.
  package func with(_ parameters: [Parameter]) -> BoxBranch {
    var branch = self
    branch.weight = parameters[0].values
    branch.bias = parameters[1].values.storage
    branch.tower = tower.with(parameters[2...])
    return branch
  }
}

extension BoxBranch {
  /// Reads the regression branch of a dense head's file, or of a detector's own; `nil` where it has none.
  ///
  /// - Parameter file: The file.
  /// - Throws: `TensorFileError` or `LinearHeadError` if the branch is no whole one.
  public init?(ifIn file: any TensorContainer) throws {
    let all = DenseDetectorNames.frameworks + [.own]
    let file = try file.withoutPrefix(before: all.map { "\($0.classes.last).weight" })
    let present = Set(file.names)
    guard let names = all.first(where: { present.contains("\($0.boxes.last).weight") })?.boxes,
      try file.tensor("\(names.last).weight").shape.count == 4
    else { return nil }
    let rows = try LinearRows(convolution: names.last, of: file, needsBias: false)
    do {
      try self.init(tower: ConvolutionTower(file, names: names), weight: rows.weight, bias: rows.bias)
    } catch let error as LinearHeadError {
      throw error.inFile(file.path)
    }
  }

  /// The tensors of the branch in a head file: `fc_reg.weight` [4A, C, 3, 3], `fc_reg.bias`, `box_tower.0.weight`, ….
  public func tensors() -> [NamedTensor] { tensors(.boxes) }

  /// The tensors by the names of a framework.
  package func tensors(_ names: BranchNames, as elementType: TensorElementType = .float32) -> [NamedTensor] {
    last.convolutionTensors(names.last, as: elementType) + tower.tensors(names, as: elementType)
  }

  /// What a head file's metadata says of the branch.
  public var metadata: [String: String] { tower.metadata }
}
