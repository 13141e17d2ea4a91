/// An objective whose loss is a sum over RoIs, so that each RoI has a hardness: what mining ranks by.
///
/// Losses that weigh a RoI by the others of its batch, or by earlier batches, have no such sum.
public protocol ExampleLossObjective: HeadObjective {
  /// The loss of one RoI by itself.
  ///
  /// - Parameters:
  ///   - logits: All its logits [K]; overwritten.
  ///   - label: Its class index, or −1 for background.
  func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float
}
