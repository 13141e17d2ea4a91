import BalancedGroupSoftmax

extension LVISDataset {
  /// What is odd about annotations to train on.
  var trainingFindings: [DataFinding] { findings().filter { !$0.concernsScoringOnly && $0.code != .areasOfZero } }
}

extension LabelledFeatureSet {
  /// What is odd about the set and its annotations, as far as training needs them.
  ///
  /// - Parameter dataset: The annotations; `nil` where there are none.
  /// - Throws: `CommandFailure` where nothing can be learned from the set as it is.
  func trainingFindings(with dataset: LVISDataset?) throws -> [DataFinding] {
    let found = try findings(against: dataset)
    guard let fault = found.first(where: { $0.severity == .error }) else {
      // What is odd about boxes is nothing to whole images.
      return (features.hasBoxes ? dataset?.trainingFindings ?? [] : []) + found
    }
    let way = dataset.map { "; `bags check \($0.path ?? "ANNOTATIONS") --features \(features.path)` says more" } ?? ""
    throw CommandFailure(fault.line + way)
  }
}

extension RoISource {
  /// What the examples are called.
  var exampleWord: String { self is any AnchorSource ? "anchors" : "RoIs" }

  /// `1,024 features`, `256 × 7 × 7 pooled features`, or the channels of feature maps.
  var featureText: String {
    (self as? any AnchorSource).map { "\(grouped($0.channelCount)) channels" }
      ?? pooledShape.map { "\($0) pooled features" } ?? "\(grouped(featureCount)) features"
  }

  /// `400 RoIs (150 foreground) of 50 images`.
  var roiText: String {
    if let anchors = self as? any AnchorSource {
      return "\(grouped(roiCount)) anchors (\(grouped(anchors.foregroundCount)) foreground, "
        + "\(grouped(anchors.ignoredCount)) ignored) of \(grouped(imageCount)) images"
    }
    return roiText(foregroundCount: foregroundCount, (self as? LabelledFeatureSet)?.features.kind ?? .rois)
  }

  private func roiText(foregroundCount: Int, _ kind: FeatureSet.Kind) -> String {
    "\(grouped(roiCount)) \(kind.plural) (\(grouped(foregroundCount)) foreground) of \(grouped(imageCount)) images"
  }
}
