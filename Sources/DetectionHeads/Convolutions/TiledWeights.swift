import CVectorKernels
import DenseLinearAlgebra

/// The weight of a 3 × 3 convolution, transformed for Winograd's minimal filtering and packed as its products want it.
///
/// Legend: C channels, K outputs, in panels of 32 of these. What was taken may be read on several threads at once.
package final class TiledWeights: @unchecked Sendable {
  /// The number K of outputs.
  package private(set) var outputCount = 0
  private(set) var channelCount = 0
  private let memory = ScratchBuffer()
  private var packed: UnsafeMutablePointer<Float>?
  private var scratch: [ScratchBuffer] = []

  package init() {}

  /// Transforms a weight.
  ///
  /// - Parameters:
  ///   - weight: [K, 9C], in the order of a patch.
  ///   - outputs: K.
  ///   - channels: C.
  ///   - threads: The threads to use.
  package func take(_ weight: UnsafePointer<Float>, outputs: Int, channels: Int, threads: Int) {
    (outputCount, channelCount) = (outputs, channels)
    while scratch.count < threads { scratch.append(ScratchBuffer()) }
    let packed = memory.floats(panelCount * Self.points * matrixSize)
    self.packed = packed
    inParallel(parts: threads) { part in
      let pointStep = Self.panel * channels
      let transformed = scratch[part].floats(Self.points * pointStep)
      for panel in evenSlice(of: panelCount, part: part, of: threads) {
        let rows = self.outputs(ofPanel: panel)
        bags_winograd_weights(
          weight + rows.lowerBound * 9 * channels, rows.count, channels, pointStep, transformed)
        for point in 0..<Self.points {
          bags_pack_weights(
            transformed + point * pointStep, channels, rows.count, channels,
            packed + (panel * Self.points + point) * matrixSize)
        }
      }
    }
  }

  /// Transforms a weight [K, 9C].
  package func take(_ weight: Matrix<Float>, threads: Int) {
    weight.withUnsafeValues { values in
      guard let values = values.baseAddress else { return }
      take(values, outputs: weight.rows, channels: weight.columns / 9, threads: threads)
    }
  }

  private static let (panel, points) = (Int(BAGS_PANEL), Int(BAGS_TILE_POINTS))
  private var matrixSize: Int { (channelCount + Self.panel - 1) / Self.panel * Self.panel * Self.panel }

  /// The number of panels of outputs.
  var panelCount: Int { (outputCount + Self.panel - 1) / Self.panel }

  /// The outputs of a panel.
  func outputs(ofPanel panel: Int) -> Range<Int> {
    panel * Self.panel..<min((panel + 1) * Self.panel, outputCount)
  }

  /// The packed matrix of a point of a panel.
  func matrix(panel: Int, point: Int) -> UnsafePointer<Float>? {
    packed.map { UnsafePointer($0 + (panel * Self.points + point) * matrixSize) }
  }
}
