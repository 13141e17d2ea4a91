import DetectionHeads
import Foundation
import LVISDatasets
import TestSupport
import Testing

/// Anchors, assignment and deltas beside those of torchvision and mmdetection; `Tests/Scripts/anchors.py` makes the file.
@Suite struct AnchorGoldenTests {
  struct Golden: Decodable, CustomStringConvertible {
    let framework: AnchorConvention
    let name: String
    let levels: [[Int]]
    let strides: [Int]
    let sizes: [[Double]]
    let ratios: [Double]
    let image_size: [Float]
    let objects: [[Float]]
    let anchor_count: Int
    let step: Int
    let anchors: [[Float]]
    let assigned: [Int32]
    let targets: [[Float]]
    let deltas: [[Float]]
    let decoded: [[Float]]

    var description: String { "\(framework) \(name)" }
    var settings: AnchorSettings {
      AnchorSettings(sizes: sizes, ratios: ratios, strides: strides, convention: framework)
    }
    var shapes: [(height: Int, width: Int)] { levels.map { ($0[0], $0[1]) } }
    var boxes: [CornerBox] { objects.map { CornerBox($0[0], $0[1], $0[2], $0[3]) } }
  }

  static func cases() throws -> [Golden] {
    let data = try Data(contentsOf: URL(fileURLWithPath: goldenPath("anchors/anchors.json")))
    return try JSONDecoder().decode([Golden].self, from: data)
  }

  private func corners(_ boxes: some Sequence<CornerBox>) -> [Float] { boxes.flatMap { [$0.x1, $0.y1, $0.x2, $0.y2] } }

  @Test func thereAreFourCases() throws { #expect(try Self.cases().count == 4) }

  /// To the bit those of torchvision, mmdetection's to 1e-6.
  @Test(arguments: try cases()) func anchorsAreTheFrameworks(golden: Golden) throws {
    let grid = AnchorGrid(golden.settings, levels: golden.shapes)
    #expect(grid.anchors.count == golden.anchor_count)
    let own = corners(stride(from: 0, to: grid.anchors.count, by: golden.step).map { grid.anchors[$0] })
    let expected = golden.anchors.flatMap { $0 }
    if golden.framework == .torchvision { #expect(own == expected) }
    #expect(largestDifference(own, expected) < 1e-6)
  }

  @Test(arguments: try cases()) func assignmentIsTheFrameworks(golden: Golden) throws {
    let grid = AnchorGrid(golden.settings, levels: golden.shapes)
    let assigned = AnchorAssignment(golden.framework).objects(
      of: grid.anchors, among: golden.boxes,
      isTrained: golden.settings.trainedLocations(
        levels: golden.shapes, size: SIMD2(golden.image_size[1], golden.image_size[0])),
      anchorsPerLocation: golden.settings.anchorsPerLocation)
    #expect(assigned == golden.assigned)
    #expect(Set(assigned).count > 5)
  }

  @Test(arguments: try cases()) func deltasAreTheFrameworks(golden: Golden) throws {
    let grid = AnchorGrid(golden.settings, levels: golden.shapes)
    let coder = golden.framework.boxCoder
    var (encoded, decoded): ([Float], [Float]) = ([], [])
    for (place, anchor) in stride(from: 0, to: grid.anchors.count, by: golden.step).enumerated() {
      let object = golden.boxes[Int(max(0, golden.assigned[anchor]))]
      let deltas = try #require(coder.encode(object, from: grid.anchors[anchor]))
      encoded += (0..<4).map { deltas[$0] }
      let delta = golden.deltas[place]
      decoded += corners([coder.decode(SIMD4(delta[0], delta[1], delta[2], delta[3]), from: grid.anchors[anchor])])
    }
    #expect(largestDifference(encoded, golden.targets.flatMap { $0 }) < 1e-5)
    #expect(largestDifference(decoded, golden.decoded.flatMap { $0 }) < 1e-6)
  }
}
