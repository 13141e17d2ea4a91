import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

/// The products between patches of feature maps and weight that the blocks of a batch of anchors need.
///
/// Shapes: M locations of all images of the batch, A anchors a location, K logits an anchor, C channels; N of the M · A
/// anchors are examples. [M, A · J] reads as [M · A, J]: where many anchors are asked for, one convolution gives the logits
/// of all, and those of ignored anchors are moved out; where few are, each anchor's own rows are multiplied with the patches
/// of its examples.
final class AnchorProducts {
  private let source: any AnchorSource
  private let threads: Int
  /// What the last convolution sees: the maps of the set, or the output of the convolutions below it.
  private var maps: PaddedMaps
  private let tiledMaps = TiledMaps()
  private let tiledWeights = TiledWeights()
  private let tiled: TiledProducts
  private let inputGradient: InputGradient
  private let chosen: ChosenAnchorProducts
  private let (all, ordered, compacted) = (ScratchBuffer(), ScratchBuffer(), ScratchBuffer())
  private let (packed, sums, mapGradients) = (ScratchBuffer(), ScratchBuffer(), ScratchBuffer())
  /// The anchors of the batch's examples, among the M · A of its images [N].
  private var places: [Int32] = []
  private var placed: [PlacedAnchors] = []
  /// Whether the maps stand in `tiledMaps`.
  private var areTiled = false
  /// The logits of all anchors [M · A, K], where they were computed before examples were chosen.
  private var known: UnsafePointer<Float>?

  /// - Parameters:
  ///   - source: The anchors.
  ///   - channels: The channels that the last convolution takes.
  ///   - threads: The threads to use.
  init(source: any AnchorSource, channels: Int, threads: Int) {
    self.source = source
    self.threads = threads
    maps = PaddedMaps(channelCount: source.channelCount)
    tiled = TiledProducts(threads: threads)
    inputGradient = InputGradient(threads: threads)
    chosen = ChosenAnchorProducts(anchorCount: source.anchorsPerLocation, channels: channels, threads: threads)
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
    (areTiled, known) = (false, nil)
    keep(batch, ofImages: images)
  }

  /// Says which examples are left of a batch that was taken.
  func keep(_ batch: RoIBatch, ofImages images: [Int]) {
    places.removeAll(keepingCapacity: true)
    places.reserveCapacity(batch.rows.count)
    for (index, range) in batch.images.enumerated() {
      let shift = maps.firstLocation(ofImage: index) * anchorCount - source.rows(ofImage: images[index]).lowerBound
      for position in range { places.append(Int32(truncatingIfNeeded: batch.rows[position] + shift)) }
    }
  }

  /// Z = X Wᵀ + b of all anchors. Where few of them are kept after that, `forward` takes their logits from it.
  ///
  /// - Parameters:
  ///   - layer: W [A · K, 9C] and b.
  ///   - body: Takes the number of the thread, the position of an example in the batch, and its logits [K].
  func forEachExample(_ layer: LinearRows, _ body: (Int, Int, UnsafePointer<Float>) -> Void) {
    let width = layer.bias.count / anchorCount
    let logits = all.floats(maps.locationCount * layer.bias.count)
    convolve(layer, 0..<width, into: logits)
    known = UnsafePointer(logits)
    inParallel(parts: threads) { part in
      for position in evenSlice(of: places.count, part: part, of: threads) {
        body(part, position, UnsafePointer(logits) + Int(places[position]) * width)
      }
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
    let width = layer.bias.count / anchorCount
    place(blocks, width: width)
    for place in placed {
      let (slice, columns) = (place.block.logits, place.block.logits.count)
      if place.byAnchor == nil {
        convolve(layer, slice, into: place.product)
        if place.product == place.logits { continue }
        forEachPlace(of: place) { position, anchor in
          (place.logits + position * columns).update(from: place.product + anchor * columns, count: columns)
        }
      } else if let known {
        forEachPlace(of: place) { position, anchor in
          (place.logits + position * columns).update(from: known + anchor * width + slice.lowerBound, count: columns)
        }
      } else {
        withRows(of: layer, slice) { chosen.multiply(place, maps, weight: $0, bias: $1) }
      }
    }
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
    let (inputs, width) = (maps.patchLength, logitCount / anchorCount)
    gradient.weight.update(repeating: 0, count: logitCount * inputs)
    gradient.bias.update(repeating: 0, count: logitCount)
    for place in placed {
      let columns = place.block.logits.count
      let rows = anchorCount * columns
      let weight = sums.floats(rows * (inputs + 1))
      let bias = weight + rows * inputs
      if place.byAnchor == nil {
        if place.product != place.logits { spread(place) }
        tile()
        tiled.weightGradient(tiledMaps, gradient: place.product, outputs: rows, into: weight, bias: bias)
      } else {
        chosen.weightGradient(place, maps, into: weight, bias: bias)
      }
      inParallel(parts: threads) { part in
        for row in evenSlice(of: rows, part: part, of: threads) {
          let (anchor, column) = row.quotientAndRemainder(dividingBy: columns)
          let target = anchor * width + place.block.logits.lowerBound + column
          bags_add(weight + row * inputs, inputs, gradient.weight + target * inputs)
          gradient.bias[target] += bias[row]
        }
      }
    }
  }

  /// dX: what the convolutions below the last one learn from, of every location, from the gradient that stands where the
  /// logits stood, after `backward`.
  ///
  /// - Parameter layer: W [A · K, 9C] and b.
  /// - Returns: [M, C], valid until the next call.
  func mapGradient(layer: LinearRows) -> UnsafeMutablePointer<Float> {
    let count = maps.locationCount * maps.channelCount
    let memory = mapGradients.floats(2 * count)
    let (result, ofBlock) = (memory, memory + count)
    result.update(repeating: 0, count: count)
    for place in placed {
      withRows(of: layer, place.block.logits) { weight, _ in
        if place.byAnchor == nil {
          inputGradient.compute(
            place.product, outputs: anchorCount * place.block.logits.count, weight: weight, like: maps, into: ofBlock)
        } else {
          chosen.mapGradient(place, maps, weight: weight, into: ofBlock)
        }
      }
      inParallel(parts: threads) { part in
        let share = evenSlice(of: count, part: part, of: threads)
        bags_add(ofBlock + share.lowerBound, share.count, result + share.lowerBound)
      }
    }
    return result
  }

  /// Finds a place for every block. A convolution of all anchors takes a quarter of the multiplications of a product with
  /// patches, for each of them, but moves more numbers.
  private func place(_ blocks: [LogitBlock], width: Int) {
    for block in blocks {
      precondition(
        block.logits.lowerBound >= 0 && block.logits.upperBound <= width && block.stage == 0,
        "a loss asked for logits \(block.logits) of \(width)")
    }
    let total = maps.locationCount * anchorCount
    let examples = blocks.map { block in block.rows.map { rows in rows.map { places[Int($0)] } } ?? places }
    let areAll = examples.map { 3 * $0.count > total }
    func size(_ isCounted: (Int) -> Bool, _ count: (Int) -> Int) -> Int {
      blocks.indices.reduce(0) { $0 + (isCounted($1) ? count($1) * blocks[$1].logits.count : 0) }
    }
    if areAll.contains(true) { known = nil }
    var nextAll = known == nil ? all.floats(size({ areAll[$0] }, { _ in total })) : nil
    var nextOrdered = ordered.floats(size({ !areAll[$0] }, { examples[$0].count }))
    var nextCompacted = compacted.floats(
      size({ !areAll[$0] || examples[$0].count < total }, { examples[$0].count }))
    placed = blocks.indices.map { index in
      let (columns, count) = (blocks[index].logits.count, examples[index].count)
      let product = areAll[index] ? nextAll ?? nextOrdered : nextOrdered
      let isInPlace = areAll[index] && count == total
      defer {
        if areAll[index] { nextAll = product + total * columns } else { nextOrdered += count * columns }
        if !isInPlace { nextCompacted += count * columns }
      }
      return PlacedAnchors(
        block: blocks[index], places: examples[index], product: product, logits: isInPlace ? product : nextCompacted,
        byAnchor: areAll[index] ? nil : PlacedAnchors.order(examples[index], anchorCount: anchorCount))
    }
  }

  /// Calls `body` with the position of each example of a block and its anchor.
  private func forEachPlace(of place: PlacedAnchors, _ body: (Int, Int) -> Void) {
    inParallel(parts: threads) { part in
      for position in evenSlice(of: place.places.count, part: part, of: threads) {
        body(position, Int(place.places[position]))
      }
    }
  }

  /// Puts the gradient of the examples where the product stood; 0 for anchors that are none.
  private func spread(_ place: PlacedAnchors) {
    let (columns, count) = (place.block.logits.count, place.places.count)
    let total = maps.locationCount * anchorCount
    func clear(_ gap: Range<Int>) {
      (place.product + gap.lowerBound * columns).update(repeating: 0, count: gap.count * columns)
    }
    if let first = place.places.first { clear(0..<Int(first)) }
    forEachPlace(of: place) { position, anchor in
      (place.product + anchor * columns).update(from: place.logits + position * columns, count: columns)
      clear(anchor + 1..<(position + 1 < count ? Int(place.places[position + 1]) : total))
    }
  }

  private func tile() {
    if areTiled { return }
    tiledMaps.take(maps)
    areTiled = true
  }

  /// The logits of all anchors [M, A · J].
  private func convolve(_ layer: LinearRows, _ slice: Range<Int>, into result: UnsafeMutablePointer<Float>) {
    tile()
    withRows(of: layer, slice) { weight, bias in
      tiledWeights.take(
        weight, outputs: anchorCount * slice.count, channels: maps.channelCount, threads: threads)
      tiled.multiply(tiledMaps, by: tiledWeights, bias: bias, into: result)
    }
  }

  /// Calls `body` with the weight and bias rows of some logits of all anchors, together [A · J, 9C].
  private func withRows(
    of layer: LinearRows, _ slice: Range<Int>, _ body: (UnsafePointer<Float>, UnsafePointer<Float>) -> Void
  ) {
    let (inputs, width) = (maps.patchLength, layer.bias.count / anchorCount)
    layer.weight.withUnsafeValues { weight in
      layer.bias.withUnsafeBufferPointer { bias in
        guard let weight = weight.baseAddress, let bias = bias.baseAddress else { return }
        if slice.count == width { return body(weight, bias) }
        let rows = anchorCount * slice.count
        let ownWeight = packed.floats(rows * (inputs + 1))
        let ownBias = ownWeight + rows * inputs
        for anchor in 0..<anchorCount {
          let (first, target) = (anchor * width + slice.lowerBound, anchor * slice.count)
          (ownWeight + target * inputs).update(from: weight + first * inputs, count: slice.count * inputs)
          (ownBias + target).update(from: bias + first, count: slice.count)
        }
        body(ownWeight, ownBias)
      }
    }
  }
}
