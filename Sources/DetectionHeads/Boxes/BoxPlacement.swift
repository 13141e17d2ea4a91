/// What places the detections of a head where the box deltas of the features do not.
public enum BoxPlacement: Sendable {
  /// A box regressor of RoIs.
  case regressor(BoxRegressor)
  /// The regression branch of a dense detector.
  case branch(BoxBranch)
}
