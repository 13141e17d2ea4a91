import DenseLinearAlgebra

/// A 3 × 3 convolution with a border of zeros on maps of few cells, one map after another.
///
/// Shapes: I channels in, O out, H × W cells; the weight is [O, 9I] as `torch.nn.Conv2d` has it, [O, I, 3, 3].
struct PooledConvolution {
  let inputs: Int
  let outputs: Int
  let height: Int
  let width: Int

  /// H · W.
  var cellCount: Int { height * width }
  /// The numbers of all patches of a map, 9I · H · W.
  var patchCount: Int { 9 * inputs * cellCount }

  /// Y = W X + b of one map.
  ///
  /// - Parameters:
  ///   - map: [I, H · W].
  ///   - weight: [O, 9I].
  ///   - bias: [O].
  ///   - patches: Room for `patchCount` numbers; holds the map's patches afterwards.
  ///   - output: [O, H · W], overwritten.
  func apply(
    to map: UnsafePointer<Float>, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    patches: UnsafeMutablePointer<Float>, into output: UnsafeMutablePointer<Float>
  ) {
    gather(map, into: patches)
    for row in 0..<outputs { (output + row * cellCount).update(repeating: bias[row], count: cellCount) }
    Float.multiply(
      rows: outputs, columns: cellCount, inner: 9 * inputs, alpha: 1, weight, stride: 9 * inputs, transposed: false,
      patches, stride: cellCount, transposed: false, beta: 1, into: output, stride: cellCount)
  }

  /// Adds one map's dW = dY Xᵀ and db to those of the maps before.
  ///
  /// - Parameters:
  ///   - map: [I, H · W], the input.
  ///   - gradient: dY [O, H · W].
  ///   - patches: Room for `patchCount` numbers.
  ///   - weight: dW [O, 9I], added to.
  ///   - bias: db [O], added to.
  func addGradient(
    of map: UnsafePointer<Float>, gradient: UnsafePointer<Float>, patches: UnsafeMutablePointer<Float>,
    weight: UnsafeMutablePointer<Float>, bias: UnsafeMutablePointer<Float>
  ) {
    gather(map, into: patches)
    Float.multiply(
      rows: outputs, columns: 9 * inputs, inner: cellCount, alpha: 1, gradient, stride: cellCount, transposed: false,
      patches, stride: cellCount, transposed: true, beta: 1, into: weight, stride: 9 * inputs)
    for row in 0..<outputs {
      var sum: Float = 0
      for cell in 0..<cellCount { sum += gradient[row * cellCount + cell] }
      bias[row] += sum
    }
  }

  /// dX of one map.
  ///
  /// - Parameters:
  ///   - gradient: dY [O, H · W].
  ///   - weight: [O, 9I].
  ///   - patches: Room for `patchCount` numbers.
  ///   - result: [I, H · W], overwritten.
  func inputGradient(
    of gradient: UnsafePointer<Float>, weight: UnsafePointer<Float>, patches: UnsafeMutablePointer<Float>,
    into result: UnsafeMutablePointer<Float>
  ) {
    Float.multiply(
      rows: 9 * inputs, columns: cellCount, inner: outputs, alpha: 1, weight, stride: 9 * inputs, transposed: true,
      gradient, stride: cellCount, transposed: false, beta: 0, into: patches, stride: cellCount)
    result.update(repeating: 0, count: inputs * cellCount)
    eachRun { patch, row, cell, length in
      let (to, from) = (result + cell, patches + patch * cellCount + row)
      for index in 0..<length { to[index] += from[index] }
    }
  }

  /// Copies a map's patches: row c · 9 + 3 · dy + dx of [9I, H · W] is channel c, moved by that much.
  private func gather(_ map: UnsafePointer<Float>, into patches: UnsafeMutablePointer<Float>) {
    patches.update(repeating: 0, count: patchCount)
    eachRun { patch, row, cell, length in
      (patches + patch * cellCount + row).update(from: map + cell, count: length)
    }
  }

  /// Goes through what a patch's rows share with the map.
  ///
  /// - Parameter body: Takes the row of the patches, the first cell in it, the first number of the map, and how many follow.
  private func eachRun(_ body: (Int, Int, Int, Int) -> Void) {
    for channel in 0..<inputs {
      for dy in -1...1 {
        for dx in -1...1 {
          let patch = channel * 9 + 3 * (dy + 1) + dx + 1
          let first = max(0, -dx)
          let length = width - abs(dx)
          guard length > 0 else { continue }
          for y in max(0, -dy)..<min(height, height - dy) {
            body(patch, y * width + first, channel * cellCount + (y + dy) * width + first + dx, length)
          }
        }
      }
    }
  }
}
