import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadInference
import LVISDatasets
import TestSupport
import Testing

@Suite struct AnchorDetectionTests {
  /// A dense head of drawn weights, for the classes of `exampleGroups()`.
  private func head(_ layout: (Int) -> any LogitLayout = { SigmoidLayout(classCount: $0) }) throws -> LinearHead {
    let groups = try exampleGroups()
    return try exampleHead(AnchoredLayout(layout(groups.classCount), anchorCount: 2), inputs: 36, groups: groups)
  }

  /// Every location, anchor and class in plain loops.
  @Test(arguments: [AnchorConvention.detectron2, .torchvision, .mmdetection], [10, 1000])
  func equalsPlainLoops(convention: AnchorConvention, perLevel: Int) throws {
    try withTemporaryFolder { folder in
      var set = SmallMapSet(imageCount: 2)
      set.metadata["anchor_convention"] = convention.rawValue
      for index in set.images.indices {
        set.images[index].scale = SIMD2(2, 1.5)
        // Every fifth anchor's box lies outside the image.
        for place in stride(from: 0, to: set.images[index].boxDeltas?.count ?? 0, by: 20) {
          set.images[index].boxDeltas?[place] = 6
        }
      }
      try set.write(to: folder)
      let (maps, head) = (try FeatureMapSet(at: folder), try head())
      let settings = DetectionSettings(
        scoreThreshold: 0.3, maximumPerImage: 40, candidatesPerLevel: perLevel, threads: 2)
      var found: [ImageDetections] = []
      try AnchorDetectionPass(maps: maps, head: head, settings: settings).forEachImage(
        { $0 }, deliver: { found.append($0) })
      #expect(found.map(\.imageID) == [1, 2])
      for (image, detections) in zip(set.images, found) {
        let expected = plain(image, head: head, settings: settings, anchors: try AnchorSettings(metadata: set.metadata))
        #expect(detections.detections.count == expected.count && !expected.isEmpty)
        for (own, other) in zip(detections.detections, expected) {
          #expect(abs(own.score - other.score) < 1e-5 && own.classIndex == other.classIndex)
          #expect(abs(own.box.x1 - other.box.x1) < 1e-3 && abs(own.box.y2 - other.box.y2) < 1e-3)
        }
      }
    }
  }

  private func plain(
    _ image: ImageMaps, head: LinearHead, settings: DetectionSettings, anchors: AnchorSettings
  ) -> [(score: Float, classIndex: Int, box: CornerBox)] {
    let grid = AnchorGrid(anchors, levels: image.levels.map { ($0.height, $0.width) })
    var candidates: [(score: Float, classIndex: Int, box: CornerBox)] = []
    var first = 0
    for level in image.levels {
      var ofLevel: [(score: Float, classIndex: Int, box: CornerBox)] = []
      for place in 0..<level.count {
        var patch: [Float] = []
        for shift in 0..<9 {
          let (y, x) = (place / level.width + shift / 3 - 1, place % level.width + shift % 3 - 1)
          let isInside = (0..<level.height).contains(y) && (0..<level.width).contains(x)
          for channel in 0..<4 {
            patch.append(isInside ? image.features[(first + y * level.width + x) * 4 + channel] : 0)
          }
        }
        for anchor in 0..<2 {
          let index = (first + place) * 2 + anchor
          let deltas = image.boxDeltas ?? []
          var box = anchors.convention.boxCoder.decode(
            SIMD4(deltas[4 * index], deltas[4 * index + 1], deltas[4 * index + 2], deltas[4 * index + 3]),
            from: grid.anchors[index])
          if anchors.convention.clipsBeforeSuppression { box = BoxCoder().clip(box, width: 48, height: 40) }
          box = CornerBox(box.x1 / 2, box.y1 / 1.5, box.x2 / 2, box.y2 / 1.5)
          for classIndex in 0..<8 {
            let row = anchor * 8 + classIndex
            let logit = (0..<36).reduce(head.bias[row]) { $0 + patch[$1] * head.weight[row, $1] }
            let score = Float(1 / (1 + exp(-Double(logit))))
            if score > settings.scoreThreshold { ofLevel.append((score, classIndex, box)) }
          }
        }
      }
      candidates += ofLevel.sorted { $0.score > $1.score }.prefix(settings.candidatesPerLevel)
      first += level.count
    }
    var kept: [(score: Float, classIndex: Int, box: CornerBox)] = []
    for candidate in candidates.sorted(by: { $0.score > $1.score }) where kept.count < settings.maximumPerImage {
      if kept.contains(where: { $0.classIndex == candidate.classIndex && $0.box.iou(candidate.box) > 0.5 }) { continue }
      kept.append(candidate)
    }
    if anchors.convention.clipsBeforeSuppression { return kept }
    return kept.map { ($0.score, $0.classIndex, BoxCoder().clip($0.box, width: 24, height: 40 / 1.5)) }
      .filter { $0.2.x1 < $0.2.x2 && $0.2.y1 < $0.2.y2 }
  }

  @Test func whatDoesNotFitIsRefused() throws {
    try withTemporaryFolder { folder in
      try SmallMapSet().write(to: folder)
      let maps = try FeatureMapSet(at: folder)
      let groups = try exampleGroups()
      let linear = try exampleHead(SigmoidLayout(classCount: 8), inputs: 36, groups: groups)
      #expect(throws: LinearHeadError.self) { try AnchorDetectionPass(maps: maps, head: linear) }
      let three = try exampleHead(
        AnchoredLayout(SigmoidLayout(classCount: 8), anchorCount: 3), inputs: 36, groups: groups)
      #expect(throws: LinearHeadError.self) { try AnchorDetectionPass(maps: maps, head: three) }
      let wide = try exampleHead(
        AnchoredLayout(SigmoidLayout(classCount: 8), anchorCount: 2), inputs: 45, groups: groups)
      #expect(throws: FeatureSetError.self) { try AnchorDetectionPass(maps: maps, head: wide) }
    }
  }

  /// Per class the root mean square over the anchors.
  @Test func weightNormsAreThoseOfAllAnchors() throws {
    let head = try head()
    let norms = head.weight.rowNorms
    for index in 0..<8 {
      let expected = ((norms[index] * norms[index] + norms[8 + index] * norms[8 + index]) / 2).squareRoot()
      #expect(abs(head.classWeightNorms[index] - expected) < 1e-6)
    }
  }
}
