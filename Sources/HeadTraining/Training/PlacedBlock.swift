import CVectorKernels
import HeadLosses

/// A block of logits and where its operands stand, packed for the kernels of `product.h`.
///
/// Shapes: R examples of the block, D features, J logits.
struct PlacedBlock {
  let block: LogitBlock
  /// R.
  let rowCount: Int
  /// X in panels of 32 features [⌈D / 32⌉, packed count of R, 32].
  let panels: UnsafeMutablePointer<Float>
  /// W in panels of 32 logits, transposed.
  let weights: UnsafeMutablePointer<Float>
  /// Z [R, J], later its gradient.
  let logits: UnsafeMutablePointer<Float>
  /// The gradient of Z in strips of 12 logits [⌈J / 12⌉, R, 12].
  let strips: UnsafeMutablePointer<Float>

  /// The columns of a panel.
  static let panel = Int(BAGS_PANEL)
  /// The logits of a strip.
  static let strip = Int(BAGS_STRIP)

  /// The rows that a panel of X has room for. Were it a multiple of a large power of two, the panels of one row would
  /// displace each other in the cache.
  static func packedCount(_ rowCount: Int) -> Int { (rowCount + 31) / 32 * 32 + 12 }

  /// Copies rows of X into its panels.
  func packRows(_ rows: Range<Int>, of features: UnsafePointer<Float>, stride: Int, inputs: Int) {
    func pack(_ places: UnsafePointer<Int32>?) {
      bags_pack_rows(
        features, stride, places, rows.lowerBound, rows.upperBound, inputs, Self.packedCount(rowCount), panels)
    }
    if let places = block.rows { places.withUnsafeBufferPointer { pack($0.baseAddress) } } else { pack(nil) }
  }

  /// Copies 32 rows of W.
  func packWeights(panel: Int, weight: UnsafePointer<Float>, inputs: Int) {
    let logits = logits(ofPanel: panel)
    bags_pack_weights(
      weight + (block.logits.lowerBound + logits.lowerBound) * inputs, inputs, logits.count, inputs,
      weights(ofPanel: panel, inputs: inputs))
  }

  /// Rows of Z = X Wᵀ + b.
  func multiplyForward(rows: Range<Int>, panels range: Range<Int>, inputs: Int, bias: UnsafePointer<Float>) {
    for panel in range {
      let columns = logits(ofPanel: panel)
      bags_multiply_forward(
        panels, Self.packedCount(rowCount), inputs, rows.lowerBound, rows.upperBound,
        weights(ofPanel: panel, inputs: inputs), columns.count, bias + block.logits.lowerBound + columns.lowerBound,
        logits + columns.lowerBound, block.logits.count)
    }
  }

  /// The trained logits of the block, by their places in it.
  func wanted(_ trained: Range<Int>) -> Range<Int> {
    let wanted = block.logits.clamped(to: trained)
    if wanted.isEmpty { return 0..<0 }
    return wanted.lowerBound - block.logits.lowerBound..<wanted.upperBound - block.logits.lowerBound
  }

  /// Copies a strip of the gradient, and sums it over the rows: db.
  func packGradient(strip: Int, trained: Range<Int>, bias: UnsafeMutablePointer<Float>) {
    let wanted = wanted(trained)
    let first = wanted.lowerBound + strip * Self.strip
    bags_pack_gradient(
      logits + first, block.logits.count, rowCount, min(Self.strip, wanted.upperBound - first),
      strips + strip * Self.strip * rowCount, bias + block.logits.lowerBound + first)
  }

  /// Some rows and columns of dW = dZᵀ X.
  ///
  /// - Parameters:
  ///   - range: The logits, by their places among the wanted ones; the first one begins a strip.
  ///   - panels: The panels of features.
  ///   - weight: dW [K, D].
  func multiplyBackward(
    logits range: Range<Int>, panels: Range<Int>, inputs: Int, trained: Range<Int>,
    into weight: UnsafeMutablePointer<Float>
  ) {
    let first = block.logits.lowerBound + wanted(trained).lowerBound + range.lowerBound
    for panel in panels {
      let column = panel * Self.panel
      bags_multiply_backward(
        strips + range.lowerBound * rowCount, rowCount, range.count,
        self.panels + panel * Self.packedCount(rowCount) * Self.panel, min(Self.panel, inputs - column),
        weight + first * inputs + column, inputs)
    }
  }

  private func logits(ofPanel panel: Int) -> Range<Int> {
    panel * Self.panel..<min((panel + 1) * Self.panel, block.logits.count)
  }

  private func weights(ofPanel panel: Int, inputs: Int) -> UnsafeMutablePointer<Float> {
    weights + panel * ((inputs + Self.panel - 1) / Self.panel) * Self.panel * Self.panel
  }
}
