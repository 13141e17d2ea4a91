import CVectorKernels

/// What an objective learns beside weight and bias: the optimiser treats it like them.
public struct OwnParameters: Sendable, Equatable {
  /// The parameters.
  public var values: [Float]
  /// dLoss/dvalues of the present batch.
  public var gradient: [Float]
  /// Their momentum.
  var velocity: [Float]

  /// Starts from values.
  public init(_ values: [Float]) {
    self.values = values
    gradient = Array(repeating: 0, count: values.count)
    velocity = gradient
  }

  /// Takes one step of the optimiser.
  package mutating func step(rate: Float, momentum: Float, decay: Float, scale: Float) {
    bags_sgd_step(&values, &velocity, gradient, values.count, rate, momentum, decay, scale)
  }

  /// Values and momentum, for a checkpoint.
  public var state: [String: [Double]] {
    ["own.values": values.map { Double($0) }, "own.velocity": velocity.map { Double($0) }]
  }

  /// Takes back what `state` gave.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if it does not fit.
  public mutating func restore(_ state: [String: [Double]]) throws {
    let (values, velocity) = (
      try state.values("own.values", count: values.count), try state.values("own.velocity", count: values.count)
    )
    self.values = values.map { Float($0) }
    self.velocity = velocity.map { Float($0) }
  }
}

extension [String: [Double]] {
  /// The values of a name in an objective's state.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if there are none, or not as many.
  public func values(_ name: String, count: Int) throws -> [Double] {
    guard let values = self[name], values.count == count else {
      throw TrainingError.foreignCheckpoint("state.\(name) does not hold \(count) numbers")
    }
    return values
  }
}
