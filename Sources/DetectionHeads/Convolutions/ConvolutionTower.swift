import DenseLinearAlgebra

/// The 3 × 3 convolutions below the last one of a branch of a dense detector, each with ReLU: RetinaNet has four in its
/// classification branch and four in its regression branch (Lin et al., ICCV 2017, §4).
public struct ConvolutionTower: Sendable, Equatable {
  /// The convolutions, the lowest first; none where the last layer alone is trained.
  public var layers: [Layer]

  /// Makes a tower of layers; none by default.
  public init(_ layers: [Layer] = []) { self.layers = layers }

  /// A convolution with padding 1, GroupNorm where there is any, and ReLU.
  ///
  /// Legend: C channels in, H channels out.
  public struct Layer: Sendable, Equatable {
    /// W [H, 9C], a row a patch: row by row of the neighbourhood, the channels of each location together.
    public internal(set) var weight: Matrix<Float>
    /// b [H]; empty where there is none, as in torchvision and mmdetection before GroupNorm.
    public internal(set) var bias: [Float]
    /// What normalises its output before ReLU; `nil` for nothing.
    public internal(set) var norm: GroupNormalization?

    /// Makes a layer.
    ///
    /// - Throws: `LinearHeadError` if the shapes do not fit each other.
    public init(weight: Matrix<Float>, bias: [Float], norm: GroupNormalization? = nil) throws {
      guard weight.columns.isMultiple(of: 9), weight.columns > 0, weight.rows > 0,
        bias.isEmpty || bias.count == weight.rows,
        norm.map({ $0.scale.count == weight.rows && $0.shift.count == weight.rows }) ?? true,
        norm.map({ $0.groups >= 0 && ($0.groups == 0 || weight.rows.isMultiple(of: $0.groups)) }) ?? true
      else {
        throw LinearHeadError(
          .wrongShape,
          "a convolution of weights [\(weight.rows), \(weight.columns)] does not fit \(bias.count) biases"
            + (norm.map { " and GroupNorm of \($0.groups) groups over \($0.scale.count) channels" } ?? ""))
      }
      self.weight = weight
      self.bias = bias
      self.norm = norm
    }

    /// C, the channels that it takes.
    public var inputs: Int { weight.columns / 9 }
    /// H, the channels that it gives.
    public var outputs: Int { weight.rows }
  }

  /// A fresh tower of as many channels out as in: weights from N(0, .01), biases 0, where there is GroupNorm no biases, its
  /// scales 1 and its shifts 0 (torchvision `RetinaNetHead`, mmdetection `RetinaHead`).
  ///
  /// - Parameters:
  ///   - layerCount: The number of convolutions.
  ///   - channels: C.
  ///   - normGroups: The groups of GroupNorm; 0 for none.
  ///   - generator: Draws the weights.
  public init(layerCount: Int, channels: Int, normGroups: Int, using generator: inout some RandomNumberGenerator) {
    layers = (0..<layerCount).compactMap { _ in
      let values = (0..<9 * channels * channels).map { _ in Float(0.01 * standardNormal(using: &generator)) }
      return try? Layer(
        weight: Matrix(rows: channels, columns: 9 * channels, values: values),
        bias: normGroups == 0 ? Array(repeating: 0, count: channels) : [],
        norm: normGroups == 0 ? nil : GroupNormalization(groups: normGroups, channels: channels))
    }
  }

  /// Whether there is no layer.
  public var isEmpty: Bool { layers.isEmpty }
  /// The number of layers.
  public var count: Int { layers.count }

  /// The reason why the tower cannot be applied, in one line; `nil` where it can.
  ///
  /// - Parameter channels: The channels that the layer above takes.
  public func fault(below channels: Int) -> String? {
    let shapes = layers.map { ($0.inputs, $0.outputs) }
    if !zip(shapes.map(\.1), shapes.dropFirst().map(\.0) + [channels]).allSatisfy({ $0 == $1 }) {
      return
        "convolutions of \(shapes.map(\.1)) channels do not fit one another, or the \(channels) channels above them"
    }
    return nil
  }

  /// Another tower, where it is of the same layers; whether they have biases is its own affair.
  ///
  /// - Throws: `LinearHeadError` if it is not.
  package func checkedLike(_ other: ConvolutionTower) throws -> ConvolutionTower {
    func kinds(_ tower: ConvolutionTower) -> [[Int]] {
      tower.layers.map { [$0.inputs, $0.outputs, $0.norm?.groups ?? -1] }
    }
    func text(_ tower: ConvolutionTower) -> String {
      "\(tower.count) of \(tower.layers.map(\.outputs)) channels"
        + (tower.normGroups.map { $0 > 0 ? " with GroupNorm of \($0) groups" : "" } ?? " with GroupNorm")
    }
    guard kinds(self) == kinds(other) else {
      throw LinearHeadError(
        .wrongShape, "its convolutions below the last are \(text(other)), \(text(self)) are expected")
    }
    return other
  }

  /// The groups of its GroupNorm: 0 where there is none, `nil` where its file does not say how many.
  public var normGroups: Int? {
    let groups = layers.compactMap(\.norm?.groups)
    return groups.contains(0) ? nil : groups.first ?? 0
  }

  /// The same with as many groups where the file that it comes from does not say how many.
  ///
  /// - Throws: `LinearHeadError` if they do not divide the channels.
  public func statingNormGroups(_ groups: Int) throws -> ConvolutionTower {
    ConvolutionTower(
      try layers.map { layer in
        guard var norm = layer.norm, norm.groups == 0 else { return layer }
        norm.groups = groups
        return try Layer(weight: layer.weight, bias: layer.bias, norm: norm)
      })
  }
}

/// GroupNorm (Wu and He, ECCV 2018): the channels of a map are divided into groups, and each group of each image and level is
/// brought to mean 0 and variance 1, then scaled and shifted by channel.
public struct GroupNormalization: Sendable, Equatable {
  /// The number of groups, which divides that of the channels; 0 where a detector's file does not say how many.
  public var groups: Int
  /// What each of the H channels is multiplied by after it was normalised, γ [H].
  public var scale: [Float]
  /// What is added to each of the H channels then, β [H].
  public var shift: [Float]
  /// What is added to the variance, as in torch.
  public static let epsilon = 1e-5

  /// Makes it from scales and shifts.
  public init(groups: Int, scale: [Float], shift: [Float]) {
    self.groups = groups
    self.scale = scale
    self.shift = shift
  }

  /// Fresh, scales 1 and shifts 0.
  public init(groups: Int, channels: Int) {
    self.init(
      groups: groups, scale: Array(repeating: 1, count: channels), shift: Array(repeating: 0, count: channels))
  }
}
