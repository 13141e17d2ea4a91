import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads

/// The products of few of the anchors of feature maps: each anchor's own rows of the weight with the patches of its examples,
/// which are gathered as they are multiplied, a few hundred at a time.
///
/// Shapes: M locations, A anchors a location, C channels; R examples, J logits of each, ordered by anchor.
final class ChosenAnchorProducts {
  private let anchorCount: Int
  private let threads: Int
  private let patches: [ScratchBuffer]
  private let sums = ScratchBuffer()
  private let mapGradients: PaddedMaps

  init(anchorCount: Int, channels: Int, threads: Int) {
    self.anchorCount = anchorCount
    self.threads = threads
    patches = (0..<threads).map { _ in ScratchBuffer() }
    mapGradients = PaddedMaps(channelCount: channels)
  }

  /// Examples of one anchor that are multiplied together.
  private struct Piece {
    let anchor: Int
    let rows: Range<Int>
  }

  private static let most = 512

  /// So many examples that packing the weight is a small part of a product, and so few that every thread has several pieces.
  private func pieces(of place: PlacedAnchors) -> [Piece] {
    guard let starts = place.byAnchor?.starts else { return [] }
    let size = min(Self.most, max(128, place.places.count / (6 * threads)))
    return (0..<anchorCount).flatMap { anchor in
      stride(from: starts[anchor], to: starts[anchor + 1], by: size).map {
        Piece(anchor: anchor, rows: $0..<min($0 + size, starts[anchor + 1]))
      }
    }
  }

  private func location(ofRow row: Int, of place: PlacedAnchors) -> Int {
    Int(place.places[place.position(ofRow: row)]) / anchorCount
  }

  private func gather(
    _ piece: Piece, of place: PlacedAnchors, _ maps: PaddedMaps, into buffer: UnsafeMutablePointer<Float>
  ) {
    for (offset, row) in piece.rows.enumerated() {
      maps.gather(location(ofRow: row, of: place), into: buffer + offset * maps.patchLength)
    }
  }

  /// Z = X Wᵀ + b, at `place.logits` in the order of the examples.
  ///
  /// - Parameters:
  ///   - place: The examples and where the products stand.
  ///   - maps: The maps X.
  ///   - weight: W [A · J, 9C].
  ///   - bias: b [A · J].
  func multiply(_ place: PlacedAnchors, _ maps: PaddedMaps, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>) {
    let (inputs, columns) = (maps.patchLength, place.block.logits.count)
    let pieces = pieces(of: place)
    inParallel(parts: threads) { part in
      let buffer = patches[part].floats(Self.most * inputs)
      for index in evenSlice(of: pieces.count, part: part, of: threads) {
        let piece = pieces[index]
        gather(piece, of: place, maps, into: buffer)
        let target = place.product + piece.rows.lowerBound * columns
        for row in 0..<piece.rows.count {
          (target + row * columns).update(from: bias + piece.anchor * columns, count: columns)
        }
        Float.multiply(
          rows: piece.rows.count, columns: columns, inner: inputs, alpha: 1, buffer, stride: inputs, transposed: false,
          weight + piece.anchor * columns * inputs, stride: inputs, transposed: true, beta: 1, into: target,
          stride: columns)
        for row in piece.rows {
          (place.logits + place.position(ofRow: row) * columns).update(
            from: place.product + row * columns, count: columns)
        }
      }
    }
  }

  /// dW = dZᵀ X and db = Σ dZ, each thread's share of the examples summed by itself. Leaves dZ ordered by anchor at
  /// `place.product`.
  ///
  /// - Parameters:
  ///   - place: The examples, their gradient where the logits stood.
  ///   - maps: The maps X.
  ///   - weight: dW [A · J, 9C], overwritten.
  ///   - bias: db [A · J], overwritten.
  func weightGradient(
    _ place: PlacedAnchors, _ maps: PaddedMaps, into weight: UnsafeMutablePointer<Float>,
    bias: UnsafeMutablePointer<Float>
  ) {
    let (inputs, columns) = (maps.patchLength, place.block.logits.count)
    let rows = anchorCount * columns
    let pieces = pieces(of: place)
    let size = rows * (inputs + 1)
    let sums = sums.floats(threads * size)
    inParallel(parts: threads) { part in
      let buffer = patches[part].floats(Self.most * inputs)
      let own = sums + part * size
      own.update(repeating: 0, count: size)
      for index in evenSlice(of: pieces.count, part: part, of: threads) {
        let piece = pieces[index]
        gather(piece, of: place, maps, into: buffer)
        let ofBias = own + rows * inputs + piece.anchor * columns
        for row in piece.rows {
          let (from, to) = (place.logits + place.position(ofRow: row) * columns, place.product + row * columns)
          to.update(from: from, count: columns)
          bags_add(from, columns, ofBias)
        }
        Float.multiply(
          rows: columns, columns: inputs, inner: piece.rows.count, alpha: 1,
          place.product + piece.rows.lowerBound * columns, stride: columns, transposed: true,
          buffer, stride: inputs, transposed: false,
          beta: 1, into: own + piece.anchor * columns * inputs, stride: inputs)
      }
    }
    inParallel(parts: threads) { part in
      let share = evenSlice(of: rows, part: part, of: threads)
      (weight + share.lowerBound * inputs).update(from: sums + share.lowerBound * inputs, count: share.count * inputs)
      (bias + share.lowerBound).update(from: sums + rows * inputs + share.lowerBound, count: share.count)
      for thread in 1..<max(1, threads) {
        let from = sums + thread * size
        bags_add(from + share.lowerBound * inputs, share.count * inputs, weight + share.lowerBound * inputs)
        bags_add(from + rows * inputs + share.lowerBound, share.count, bias + share.lowerBound)
      }
    }
  }

  /// dX, after `weightGradient`: the patches of some pieces are multiplied, then given back to the maps, where each thread has
  /// channels of its own, so that the order of the sums is always the same.
  ///
  /// - Parameters:
  ///   - place: The examples, their gradient where the products stood.
  ///   - maps: The maps X.
  ///   - weight: W [A · J, 9C].
  ///   - result: dX [M, C], overwritten.
  func mapGradient(
    _ place: PlacedAnchors, _ maps: PaddedMaps, weight: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>
  ) {
    let (inputs, columns) = (maps.patchLength, place.block.logits.count)
    mapGradients.reserve(maps.levels)
    mapGradients.clear()
    let all = pieces(of: place)
    let channels = cut(0..<maps.channelCount, into: 16)
    for some in cut(0..<all.count, into: max(4, threads)) {
      let memory = sums.floats(some.count * Self.most * inputs)
      inParallel(count: some.count, threads: threads) { index in
        let piece = all[some.lowerBound + index]
        Float.multiply(
          rows: piece.rows.count, columns: inputs, inner: columns, alpha: 1,
          place.product + piece.rows.lowerBound * columns, stride: columns, transposed: false,
          weight + piece.anchor * columns * inputs, stride: inputs, transposed: false, beta: 0,
          into: memory + index * Self.most * inputs, stride: inputs)
      }
      inParallel(count: channels.count, threads: threads) { part in
        for index in 0..<some.count {
          for (offset, row) in all[some.lowerBound + index].rows.enumerated() {
            mapGradients.add(
              memory + (index * Self.most + offset) * inputs, around: location(ofRow: row, of: place),
              channels: channels[part])
          }
        }
      }
    }
    inParallel(parts: threads) { part in
      let share = evenSlice(of: maps.locationCount, part: part, of: threads)
      mapGradients.copy(share, into: result + share.lowerBound * maps.channelCount)
    }
  }
}
