import DetectionHeads
import Testing

@Suite struct AnchorSettingsTests {
  private let metadata = ["strides": "8,16", "anchor_sizes": "16,20.5;32,41", "anchor_ratios": "0.5,1"]

  @Test func whatASetStatesComesBack() throws {
    var settings = AnchorSettings(
      sizes: [[16, 20.5], [32, 41]], ratios: [0.5, 1], strides: [8, 16], convention: .detectron2, offset: 0.5)
    settings.roundsBaseAnchors = true
    settings.ordersBySize = false
    #expect(try AnchorSettings(metadata: settings.metadata) == settings)
    #expect(settings.anchorsPerLocation == 4)
    #expect(try AnchorSettings(metadata: metadata).convention == .torchvision)
  }

  @Test(arguments: [
    ("strides", "8,x"), ("strides", "8.5,16"), ("strides", "0,16"), ("anchor_sizes", "16,;32,41"),
    ("anchor_ratios", "nan"), ("anchor_convention", "yolo"), ("anchor_rounding", "maybe"),
  ]) func whatIsNoSettingIsRefused(key: String, value: String) {
    let error = #expect(throws: LinearHeadError.self) {
      try AnchorSettings(metadata: metadata.merging([key: value]) { $1 })
    }
    #expect(error?.description.contains(key) == true)
  }

  @Test func levelsMustFit() throws {
    let settings = try AnchorSettings(metadata: metadata)
    #expect(settings.fault(levelCount: 2) == nil)
    #expect(settings.fault(levelCount: 3) != nil)
    #expect(AnchorSettings(sizes: [[1, 2], [3]], ratios: [1], strides: [8, 16]).fault(levelCount: 2) != nil)
    #expect(AnchorSettings(sizes: [[-1]], ratios: [1], strides: [8]).fault(levelCount: 1) != nil)
  }

  /// detectron2 orders by size, then by ratio; the others by ratio.
  @Test func theOrderIsTheConventions() {
    func widths(_ convention: AnchorConvention) -> [Float] {
      let settings = AnchorSettings(sizes: [[10, 20]], ratios: [1, 4], strides: [8], convention: convention)
      return AnchorGrid(settings, levels: [(1, 1)]).anchors.map { $0.x2 - $0.x1 }
    }
    #expect(widths(.detectron2) == [10, 5, 20, 10])
    #expect(widths(.mmdetection) == [10, 20, 5, 10])
  }
}
