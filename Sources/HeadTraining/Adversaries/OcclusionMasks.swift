import DenseLinearAlgebra

/// The cells of a pooled map that an occluder hides, as functions of nothing but sizes, probabilities and a generator.
///
/// Cells are numbered row by row, 0..<H · W.
package enum OcclusionMasks {
  /// The windows that are tried one after another, each the cells that it hides.
  ///
  /// They start every `stride` cells, row by row; the last of a row or column is moved back to end at the border. On 7 × 7
  /// with windows of 2 and stride 2 they start at 0, 2, 4 and 5, as in `ASDNPretrainDataLayer`.
  ///
  /// - Precondition: A window is no larger than the map.
  package static func windows(height: Int, width: Int, side: Int, stride: Int) -> [[Int]] {
    func starts(_ length: Int) -> [Int] {
      var starts: [Int] = []
      for start in Swift.stride(from: 0, to: length, by: stride) {
        let inside = min(start, length - side)
        if starts.last != inside { starts.append(inside) }
      }
      return starts
    }
    return starts(height).flatMap { top in
      starts(width).map { left in
        (top..<top + side).flatMap { row in (left..<left + side).map { row * width + $0 } }
      }
    }
  }

  /// Draws the cells to hide among those that the occluder finds most worth hiding.
  ///
  /// - Parameters:
  ///   - logits: The occluder's, [H · W]; of equal ones the first cell counts as higher.
  ///   - candidates: How many of the highest may be hidden.
  ///   - dropped: How many of these are.
  ///   - generator: For the draw.
  /// - Returns: The hidden cells, ascending.
  package static func cells(
    logits: some Collection<Float>, candidates: Int, dropped: Int, using generator: inout SeededGenerator
  ) -> [Int] {
    let order = logits.enumerated().sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }
    return order.prefix(candidates).map(\.offset).shuffled(using: &generator).prefix(dropped).sorted()
  }

  /// Hides cells of a RoI's map in all channels.
  ///
  /// - Parameters:
  ///   - cells: The hidden cells.
  ///   - map: [C, H · W].
  ///   - channels: C.
  ///   - cellCount: H · W.
  package static func hide(_ cells: [Int], of map: UnsafeMutablePointer<Float>, channels: Int, cellCount: Int) {
    for channel in 0..<channels {
      for cell in cells { map[channel * cellCount + cell] = 0 }
    }
  }
}
