import CVectorKernels
import DenseLinearAlgebra
import HeadLosses

/// A block of logits and where its operands stand, packed for the kernels of `product.h` or, in bfloat16, for those of
/// `product_bf16.h`.
///
/// Shapes: R examples of the block, D features, J logits. Operands in bfloat16 take the room of half as many floats; X,
/// which is packed by features and by examples there, takes as much as in single precision.
struct PlacedBlock {
  let block: LogitBlock
  let precision: ProductPrecision
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

  /// Copies rows of X into its panels; an even number of them, but for the last ones.
  func packRows(_ rows: Range<Int>, of features: UnsafePointer<Float>, stride: Int, inputs: Int) {
    let packedCount = Self.packedCount(rowCount)
    func pack(_ places: UnsafePointer<Int32>?) {
      switch precision {
      case .single:
        bags_pack_rows(features, stride, places, rows.lowerBound, rows.upperBound, inputs, packedCount, panels)
      case .bfloat16:
        bags_pack_rows_bf16(
          features, stride, places, rows.lowerBound, rows.upperBound, inputs, packedCount, panels.halves,
          panels.halves + packedCount * Self.padded(inputs))
      }
    }
    if let places = block.rows { places.withUnsafeBufferPointer { pack($0.baseAddress) } } else { pack(nil) }
  }

  /// Copies 32 rows of W.
  func packWeights(panel: Int, weight: UnsafePointer<Float>, inputs: Int) {
    let logits = logits(ofPanel: panel)
    let weight = weight + (block.logits.lowerBound + logits.lowerBound) * inputs
    let place = weights(ofPanel: panel, inputs: inputs)
    switch precision {
    case .single: bags_pack_weights(weight, inputs, logits.count, inputs, place)
    case .bfloat16: bags_pack_weights_bf16(weight, inputs, logits.count, inputs, place.halves)
    }
  }

  /// Rows of Z = X Wᵀ + b.
  func multiplyForward(rows: Range<Int>, panels range: Range<Int>, inputs: Int, bias: UnsafePointer<Float>) {
    let packedCount = Self.packedCount(rowCount)
    for panel in range {
      let columns = logits(ofPanel: panel)
      let weights = weights(ofPanel: panel, inputs: inputs)
      let bias = bias + block.logits.lowerBound + columns.lowerBound
      let result = logits + columns.lowerBound
      switch precision {
      case .single:
        bags_multiply_forward(
          panels, packedCount, inputs, rows.lowerBound, rows.upperBound, weights, columns.count, bias, result,
          block.logits.count)
      case .bfloat16:
        bags_multiply_forward_bf16(
          panels.halves, packedCount, inputs, rows.lowerBound, rows.upperBound, weights.halves, columns.count, bias,
          result, block.logits.count)
      }
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
    let count = min(Self.strip, wanted.upperBound - first)
    let sums = bias + block.logits.lowerBound + first
    let place = self.strip(startingAt: strip * Self.strip)
    switch precision {
    case .single: bags_pack_gradient(logits + first, block.logits.count, rowCount, count, place, sums)
    case .bfloat16: bags_pack_gradient_bf16(logits + first, block.logits.count, rowCount, count, place.halves, sums)
    }
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
      multiplyBackward(
        logits: range, panel: panel, inputs: inputs, into: weight + first * inputs + panel * Self.panel, stride: inputs)
    }
  }

  /// A panel of some rows of dW.
  ///
  /// - Parameters:
  ///   - range: The logits, by their places among the wanted ones; the first one begins a strip.
  ///   - panel: The panel of features.
  ///   - result: Where the first logit's row goes.
  ///   - stride: From a row of the result to the next.
  func multiplyBackward(
    logits range: Range<Int>, panel: Int, inputs: Int, into result: UnsafeMutablePointer<Float>, stride: Int
  ) {
    let packedCount = Self.packedCount(rowCount)
    let strips = strip(startingAt: range.lowerBound)
    let column = panel * Self.panel
    let columns = min(Self.panel, inputs - column)
    switch precision {
    case .single:
      bags_multiply_backward(strips, rowCount, range.count, panels + packedCount * column, columns, result, stride)
    case .bfloat16:
      bags_multiply_backward_bf16(
        strips.halves, rowCount, range.count, panels.halves + packedCount * (Self.padded(inputs) + column), columns,
        result, stride)
    }
  }

  /// The numbers that a strip's gradient takes in either precision, in floats for each logit.
  static func stripHeight(_ rowCount: Int, _ precision: ProductPrecision) -> Int {
    precision == .single ? rowCount : (rowCount + 1) / 2
  }

  private func strip(startingAt logit: Int) -> UnsafeMutablePointer<Float> {
    strips + logit * Self.stripHeight(rowCount, precision)
  }

  /// D up to the next whole panel.
  static func padded(_ inputs: Int) -> Int { (inputs + panel - 1) / panel * panel }

  private func logits(ofPanel panel: Int) -> Range<Int> {
    panel * Self.panel..<min((panel + 1) * Self.panel, block.logits.count)
  }

  private func weights(ofPanel panel: Int, inputs: Int) -> UnsafeMutablePointer<Float> {
    // In bfloat16 the panel begins where it would in single precision, and ends half way.
    weights + panel * Self.padded(inputs) * Self.panel
  }
}

extension UnsafeMutablePointer<Float> {
  /// The same place, for numbers of 16 bits.
  fileprivate var halves: UnsafeMutablePointer<UInt16> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: UInt16.self)
  }
}
