/// The losses and sizes of one step of training.
public struct TrainingStep: Sendable {
  /// The number of the step, from 0.
  public let number: Int
  /// The epoch of the step, from 0.
  public let epoch: Int
  /// The learning rate η of the step.
  public let learningRate: Double
  /// The parts of the loss before the step, in the order of `componentNames`.
  public let losses: [Double]
  /// The norm ‖g‖₂ of the classifier's gradient before clipping.
  public let gradientNorm: Double
  /// The number N of RoIs of the batch that were trained on.
  public let roiCount: Int
  /// The number of foreground RoIs among them.
  public let foregroundCount: Int
  /// The RoIs that each block of logits took.
  public let keptRowCounts: [Int]
  /// The rows that groups with `others` took, over all of them; 0 for methods without.
  public let groupRowCount: Int

  /// The sum of the parts of the loss.
  public var loss: Double { losses.reduce(0, +) }
}
