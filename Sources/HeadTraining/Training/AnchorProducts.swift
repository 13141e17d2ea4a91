import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

/// The products between patches of feature maps and weight that the blocks of a batch of anchors need, and no others.
///
/// Shapes: M locations of all images of the batch, A anchors a location, K logits an anchor, C channels; N of the M · A
/// anchors are examples. [M, A · J] reads as [M · A, J]: where most anchors are asked for, one product gives the logits of
/// all, and those of ignored anchors are moved out; where few are, each anchor's own rows are multiplied with the patches of
/// its examples. Patches are gathered as they are multiplied, a few hundred at a time.
final class AnchorProducts {
  private let source: any AnchorSource
  private let threads: Int
  /// What the last convolution sees: the maps of the set, or the output of the convolutions below it.
  private var maps: PaddedMaps
  private let mapGradient: PaddedMaps
  private let compactGradient = ScratchBuffer()
  private let logits = ScratchBuffer()
  private let compacted = ScratchBuffer()
  private let packed = ScratchBuffer()
  private let accumulators = ScratchBuffer()
  private let patches: [ScratchBuffer]
  /// The anchors of the batch's examples, among the M · A of its images [N].
  private var places: [Int32] = []
  private var placed: [PlacedBlock] = []

  /// The locations that are multiplied at once: so many that packing the weight is a small part of a product, and so few that
  /// every thread has several pieces.
  private var locationsAtATime: Int { min(512, max(128, maps.locationCount / (6 * threads))) }

  /// A block and where its numbers stand.
  private struct PlacedBlock {
    let block: LogitBlock
    /// The anchors of its examples, among the M · A.
    let places: [Int32]
    /// Where all anchors are multiplied: Z [M · A, J]. Else the logits of its examples alone, ordered by anchor.
    let product: UnsafeMutablePointer<Float>
    /// The logits of its examples in their order [R, J], later their gradient.
    let logits: UnsafeMutablePointer<Float>
    /// For few examples: their positions in the block, ordered by anchor, and where each anchor's begin; `nil` where all
    /// anchors are multiplied.
    let byAnchor: (positions: [Int32], starts: [Int])?
  }

  /// - Parameters:
  ///   - source: The anchors.
  ///   - channels: The channels that the last convolution takes.
  ///   - threads: The threads to use.
  init(source: any AnchorSource, channels: Int, threads: Int) {
    self.source = source
    self.threads = threads
    maps = PaddedMaps(channelCount: source.channelCount)
    mapGradient = PaddedMaps(channelCount: channels)
    patches = (0..<threads).map { _ in ScratchBuffer() }
  }

  private var anchorCount: Int { source.anchorsPerLocation }

  /// Says which anchors the examples of a batch are.
  ///
  /// - Parameters:
  ///   - batch: Examples of the images that were read, in their order.
  ///   - images: These images.
  ///   - maps: What the last convolution sees of them.
  func take(_ batch: RoIBatch, ofImages images: [Int], maps: PaddedMaps) {
    self.maps = maps
    places.removeAll(keepingCapacity: true)
    places.reserveCapacity(batch.rows.count)
    for (index, range) in batch.images.enumerated() {
      let shift = maps.firstLocation(ofImage: index) * anchorCount - source.rows(ofImage: images[index]).lowerBound
      for position in range { places.append(Int32(truncatingIfNeeded: batch.rows[position] + shift)) }
    }
  }

  /// Z = X Wᵀ + b of every block.
  ///
  /// - Parameters:
  ///   - blocks: What the objective asked for, of the logits of one anchor.
  ///   - labels: The labels of the examples.
  ///   - layer: W [A · K, 9C] and b.
  /// - Returns: The logits of every block, valid until the next call.
  func forward(_ blocks: [LogitBlock], labels: [Int32], layer: LinearRows) -> [BlockLogits] {
    place(blocks, width: layer.bias.count / anchorCount)
    for place in placed { multiply(place, layer: layer) }
    return placed.map { place in
      BlockLogits(
        values: place.logits, rowCount: place.places.count, columns: place.block.logits.count,
        labels: place.block.rows?.map { labels[Int($0)] } ?? labels, rows: place.block.rows)
    }
  }

  /// dW = dZᵀ X and db = Σ dZ of every block, from the gradient that stands where the logits stood; 0 for logits that no
  /// block has.
  ///
  /// - Parameters:
  ///   - gradient: dW [A · K, 9C] and db [A · K], overwritten.
  ///   - logitCount: A · K.
  func backward(into gradient: LayerGradient, logitCount: Int) {
    let inputs = maps.patchLength
    gradient.weight.update(repeating: 0, count: logitCount * inputs)
    gradient.bias.update(repeating: 0, count: logitCount)
    for place in placed { addGradient(of: place, into: gradient, width: logitCount / anchorCount) }
  }

  /// dX: what the convolutions below the last one learn from, of every location, from the gradient that stands where the
  /// logits stood, after `backward`.
  ///
  /// - Parameter layer: W [A · K, 9C] and b.
  /// - Returns: [M, C], valid until the next call.
  func mapGradient(layer: LinearRows) -> UnsafeMutablePointer<Float> {
    mapGradient.reserve(maps.levels)
    mapGradient.clear()
    for place in placed { addMapGradient(of: place, layer: layer) }
    let result = compactGradient.floats(maps.locationCount * maps.channelCount)
    inParallel(parts: threads) { part in
      let share = evenSlice(of: maps.locationCount, part: part, of: threads)
      mapGradient.copy(share, into: result + share.lowerBound * maps.channelCount)
    }
    return result
  }

  /// Adds dZ W of a block's pieces: the patches of some pieces are multiplied, then given back to the maps, where each thread
  /// has channels of its own, so that the order of the sums is always the same.
  private func addMapGradient(of place: PlacedBlock, layer: LinearRows) {
    let (inputs, columns) = (maps.patchLength, place.block.logits.count)
    let (weight, _) = pack(layer, place.block.logits)
    let all = pieces(of: place)
    let step = locationsAtATime
    let channels = cut(0..<maps.channelCount, into: 16)
    for some in cut(0..<all.count, into: max(4, threads)) {
      let memory = accumulators.floats(some.count * step * inputs)
      inParallel(count: some.count, threads: threads) { index in
        let piece = all[some.lowerBound + index]
        let outputs = piece.anchor == nil ? anchorCount * columns : columns
        Float.multiply(
          rows: piece.rows.count, columns: inputs, inner: outputs, alpha: 1,
          place.product + piece.rows.lowerBound * outputs, stride: outputs, transposed: false,
          weight + (piece.anchor ?? 0) * columns * inputs, stride: inputs, transposed: false, beta: 0,
          into: memory + index * step * inputs, stride: inputs)
      }
      inParallel(count: channels.count, threads: threads) { part in
        for index in 0..<some.count {
          for (offset, row) in all[some.lowerBound + index].rows.enumerated() {
            let location =
              place.byAnchor.map { Int(place.places[Int($0.positions[row])]) / anchorCount } ?? row
            mapGradient.add(
              memory + (index * step + offset) * inputs, around: location, channels: channels[part])
          }
        }
      }
    }
  }

  private func place(_ blocks: [LogitBlock], width: Int) {
    let total = maps.locationCount * anchorCount
    let examples = blocks.map { block in block.rows.map { rows in rows.map { places[Int($0)] } } ?? places }
    let isWhole = examples.map { 2 * $0.count > total }
    for block in blocks {
      precondition(
        block.logits.lowerBound >= 0 && block.logits.upperBound <= width && block.stage == 0,
        "a loss asked for logits \(block.logits) of \(width)")
    }
    var next = logits.floats(
      zip(blocks, zip(examples, isWhole)).reduce(0) { $0 + $1.0.logits.count * ($1.1.1 ? total : $1.1.0.count) })
    var nextCompacted = compacted.floats(zip(blocks, examples).reduce(0) { $0 + $1.0.logits.count * $1.1.count })
    placed = blocks.indices.map { index in
      let (block, places) = (blocks[index], examples[index])
      let columns = block.logits.count
      let isInPlace = isWhole[index] && places.count == total
      defer {
        next += (isWhole[index] ? total : places.count) * columns
        if !isInPlace { nextCompacted += places.count * columns }
      }
      return PlacedBlock(
        block: block, places: places, product: next, logits: isInPlace ? next : nextCompacted,
        byAnchor: isWhole[index] ? nil : ordered(places))
    }
  }

  /// Positions by the anchor of their place, in their order within an anchor.
  private func ordered(_ places: [Int32]) -> (positions: [Int32], starts: [Int]) {
    var counts = [Int](repeating: 0, count: anchorCount)
    for place in places { counts[Int(place) % anchorCount] += 1 }
    var starts = [0]
    for count in counts { starts.append((starts.last ?? 0) + count) }
    var next = starts
    var positions = [Int32](repeating: 0, count: places.count)
    for (position, place) in places.enumerated() {
      let anchor = Int(place) % anchorCount
      positions[next[anchor]] = Int32(truncatingIfNeeded: position)
      next[anchor] += 1
    }
    return (positions, starts)
  }

  /// A piece of the rows that are multiplied together: locations of all anchors, or examples of one.
  private struct Piece {
    let anchor: Int?
    let rows: Range<Int>
  }

  private func pieces(of place: PlacedBlock) -> [Piece] {
    let step = locationsAtATime
    func cut(_ rows: Range<Int>, anchor: Int?) -> [Piece] {
      stride(from: rows.lowerBound, to: rows.upperBound, by: step).map {
        Piece(anchor: anchor, rows: $0..<min($0 + step, rows.upperBound))
      }
    }
    guard let byAnchor = place.byAnchor else { return cut(0..<maps.locationCount, anchor: nil) }
    return (0..<anchorCount).flatMap { cut(byAnchor.starts[$0]..<byAnchor.starts[$0 + 1], anchor: $0) }
  }

  private func gather(_ piece: Piece, of place: PlacedBlock, into buffer: UnsafeMutablePointer<Float>) {
    guard let byAnchor = place.byAnchor else { return maps.gather(piece.rows, into: buffer) }
    for (offset, row) in piece.rows.enumerated() {
      maps.gather(
        Int(place.places[Int(byAnchor.positions[row])]) / anchorCount, into: buffer + offset * maps.patchLength)
    }
  }

  /// The weight and bias rows of a block of all anchors, together [A · J, 9C].
  private func pack(_ layer: LinearRows, _ slice: Range<Int>) -> (weight: UnsafePointer<Float>, bias: [Float]) {
    let (inputs, width) = (maps.patchLength, layer.bias.count / anchorCount)
    let target = packed.floats(anchorCount * slice.count * inputs)
    var bias: [Float] = []
    layer.weight.withUnsafeValues { weight in
      guard let weight = weight.baseAddress else { return }
      for anchor in 0..<anchorCount {
        let first = anchor * width + slice.lowerBound
        (target + anchor * slice.count * inputs).update(from: weight + first * inputs, count: slice.count * inputs)
        bias += layer.bias[first..<first + slice.count]
      }
    }
    return (UnsafePointer(target), bias)
  }

  private func multiply(_ place: PlacedBlock, layer: LinearRows) {
    let (inputs, columns) = (maps.patchLength, place.block.logits.count)
    let (weight, bias) = pack(layer, place.block.logits)
    let pieces = pieces(of: place)
    inParallel(parts: threads) { part in
      let buffer = patches[part].floats(locationsAtATime * inputs)
      for index in evenSlice(of: pieces.count, part: part, of: threads) {
        let piece = pieces[index]
        gather(piece, of: place, into: buffer)
        let outputs = piece.anchor == nil ? anchorCount * columns : columns
        let first = (piece.anchor ?? 0) * columns
        let target = place.product + piece.rows.lowerBound * outputs
        bias.withUnsafeBufferPointer { bias in
          guard let bias = bias.baseAddress else { return }
          for row in 0..<piece.rows.count { (target + row * outputs).update(from: bias + first, count: outputs) }
        }
        Float.multiply(
          rows: piece.rows.count, columns: outputs, inner: inputs, alpha: 1, buffer, stride: inputs, transposed: false,
          weight + first * inputs, stride: inputs, transposed: true, beta: 1, into: target, stride: outputs)
      }
    }
    guard place.product != place.logits else { return }
    inParallel(parts: threads) { part in
      for position in evenSlice(of: place.places.count, part: part, of: threads) {
        let (from, to) =
          place.byAnchor.map { (position, Int($0.positions[position])) } ?? (Int(place.places[position]), position)
        (place.logits + to * columns).update(from: place.product + from * columns, count: columns)
      }
    }
  }

  private func addGradient(of place: PlacedBlock, into gradient: LayerGradient, width: Int) {
    let (inputs, columns) = (maps.patchLength, place.block.logits.count)
    if place.product != place.logits { spread(place) }
    let pieces = pieces(of: place)
    let rows = anchorCount * columns
    let sums = accumulators.floats(threads * rows * inputs)
    sums.update(repeating: 0, count: threads * rows * inputs)
    inParallel(parts: threads) { part in
      let buffer = patches[part].floats(locationsAtATime * inputs)
      let own = sums + part * rows * inputs
      for index in evenSlice(of: pieces.count, part: part, of: threads) {
        let piece = pieces[index]
        gather(piece, of: place, into: buffer)
        let outputs = piece.anchor == nil ? rows : columns
        Float.multiply(
          rows: outputs, columns: inputs, inner: piece.rows.count, alpha: 1,
          place.product + piece.rows.lowerBound * outputs, stride: outputs, transposed: true,
          buffer, stride: inputs, transposed: false,
          beta: 1, into: own + (piece.anchor ?? 0) * columns * inputs, stride: inputs)
      }
    }
    let slice = place.block.logits
    inParallel(parts: threads) { part in
      for row in evenSlice(of: rows, part: part, of: threads) {
        let (anchor, column) = row.quotientAndRemainder(dividingBy: columns)
        let target = gradient.weight + (anchor * width + slice.lowerBound + column) * inputs
        for thread in 0..<threads {
          let from = sums + (thread * rows + row) * inputs
          for index in 0..<inputs { target[index] += from[index] }
        }
      }
    }
    var bias = [Float](repeating: 0, count: rows)
    if let byAnchor = place.byAnchor {
      for anchor in 0..<anchorCount {
        let range = byAnchor.starts[anchor]..<byAnchor.starts[anchor + 1]
        guard !range.isEmpty else { continue }
        bias.withUnsafeMutableBufferPointer { bias in
          guard let bias = bias.baseAddress else { return }
          bags_column_sums(
            place.product + range.lowerBound * columns, range.count, columns, columns, bias + anchor * columns)
        }
      }
    } else {
      bags_column_sums(place.product, maps.locationCount, rows, rows, &bias)
    }
    for row in 0..<rows {
      let (anchor, column) = row.quotientAndRemainder(dividingBy: columns)
      gradient.bias[anchor * width + slice.lowerBound + column] += bias[row]
    }
  }

  /// Puts the gradient of the examples where the product stood; 0 for anchors that are none.
  private func spread(_ place: PlacedBlock) {
    let columns = place.block.logits.count
    if place.byAnchor == nil, place.places.count < maps.locationCount * anchorCount {
      place.product.update(repeating: 0, count: maps.locationCount * anchorCount * columns)
    }
    inParallel(parts: threads) { part in
      for position in evenSlice(of: place.places.count, part: part, of: threads) {
        let (to, from) =
          place.byAnchor.map { (position, Int($0.positions[position])) } ?? (Int(place.places[position]), position)
        (place.product + to * columns).update(from: place.logits + from * columns, count: columns)
      }
    }
  }
}
