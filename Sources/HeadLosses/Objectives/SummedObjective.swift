/// A loss that is a sum over the examples of a batch, divided by a number that follows from their labels, so that another
/// number can take its place.
public protocol SummedObjective: WholeBatchObjective {
  /// The number that the sum over examples of these labels is divided by.
  func divisor(labels: [Int32]) -> Double
}
