/// A loss that is a sum over RoIs, so that each RoI has a loss of its own, by which mining ranks it.
///
/// Losses that weigh a RoI by the others of its batch, or by earlier batches, are no such sum.
public protocol ExampleLossObjective: HeadObjective {
  /// The loss of one RoI by itself.
  ///
  /// - Parameters:
  ///   - logits: All logits of the RoI [K]; overwritten.
  ///   - label: Its class index, or −1 for background.
  func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float
}
