extension FeatureSet {
  /// The kinds of examples that a set can hold, told by the metadata `kind` of its shards; `rois` where they state none.
  ///
  /// They are trained on alike. What differs is where labels come from, and what becomes of scores.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// Regions of a two-stage detector: scored, placed by box deltas, and suppressed where they overlap.
    case rois
    /// Object queries of the last decoder layer of DETR and its kin: labelled one to one, their boxes final, nothing
    /// suppressed.
    case queries
    /// Whole images, which have no boxes: a set without `boxes` is one of these, whatever its metadata.
    case images

    /// The word for several examples.
    public var plural: String {
      switch self {
      case .rois: "RoIs"
      case .queries: "queries"
      case .images: "examples"
      }
    }
  }

  /// The kind of a shard's examples.
  ///
  /// - Throws: `FeatureSetError` if its metadata states another kind, or boxes are missing where it needs them.
  static func kind(of shard: FeatureShard) throws -> Kind {
    let stated = shard.metadata["kind"]
    let kind = try stated.map { name in
      guard let kind = Kind(rawValue: name) else {
        throw FeatureSetError(
          path: shard.path, code: .kind,
          detail: "the metadata says kind '\(name)'; \(Kind.allCases.map(\.rawValue).joined(separator: ", ")) are known"
        )
      }
      return kind
    }
    if shard.width(of: .boxes) == nil {
      guard kind == nil || kind == .images else {
        throw FeatureSetError(
          path: shard.path, tensor: FeatureColumn.boxes.rawValue, code: .kind,
          detail: "\(stated ?? "") have boxes [N, 4], but this tensor is not in the file")
      }
      return .images
    }
    guard kind != .images else {
      throw FeatureSetError(
        path: shard.path, tensor: FeatureColumn.boxes.rawValue, code: .kind,
        detail: "examples of kind images have no boxes")
    }
    return kind ?? .rois
  }

  /// For work that needs boxes, where the examples are whole images.
  ///
  /// - Parameter purpose: What cannot be done, as in "images have no …".
  package func withoutBoxesError(_ purpose: String) -> FeatureSetError {
    FeatureSetError(
      path: path, tensor: FeatureColumn.boxes.rawValue, code: .kind,
      detail: "not in the files, so the examples are whole images, which have no \(purpose)")
  }
}
