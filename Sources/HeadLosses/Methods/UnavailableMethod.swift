/// A method of the literature that cached RoI features cannot train, and the reason.
public struct UnavailableMethod: Sendable {
  /// The name in the literature.
  public let name: String
  /// The paper that it comes from.
  public let source: String
  /// The inputs that it needs and a feature set does not have.
  public let reason: String

  /// The methods that users are most likely to look for.
  public static let all = [
    UnavailableMethod(
      name: "LOCE's memory-augmented feature sampling", source: "Feng et al., ICCV 2021",
      reason: "it stores RoI features while the whole detector changes; with cached features these are the features "
        + "themselves (class-balanced sampling comes near it). Its loss is the method loce")
  ]
}
