import TensorFiles

extension FeatureSet {
  /// Copies the features of consecutive RoIs, widened to single precision.
  ///
  /// - Parameters:
  ///   - rows: Which RoIs.
  ///   - destination: Room for `rows.count` × D numbers.
  /// - Throws: `FeatureSetError` if one of them is not finite.
  /// - Precondition: `rows` lies within `0..<roiCount`.
  public func copyFeatures(rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws {
    try copy(.features, rows: rows, into: destination)
  }

  /// Copies the features of RoIs in the order given, widened to single precision.
  ///
  /// - Parameters:
  ///   - rows: Which RoIs; any order, repeated or not.
  ///   - destination: Room for `rows.count` × D numbers.
  /// - Throws: `FeatureSetError` if one of them is not finite.
  /// - Precondition: every row lies within `0..<roiCount`.
  public func copyFeatures(rows: some Sequence<Int>, into destination: UnsafeMutablePointer<Float>) throws {
    var destination = destination
    var shard = shards[0]
    for row in rows {
      if !(shard.firstRow..<shard.firstRow + shard.rowCount).contains(row) { shard = shards[shardIndex(ofRow: row)] }
      try copy(.features, of: shard, rows: row - shard.firstRow..<row - shard.firstRow + 1, into: destination)
      destination += featureCount
    }
  }

  /// The features of consecutive RoIs, [rows.count × D], widened to single precision.
  ///
  /// - Throws: `FeatureSetError` if one of them is not finite.
  /// - Precondition: `rows` lies within `0..<roiCount`.
  public func features(rows: Range<Int>) throws -> [Float] { try values(.features, rows: rows) ?? [] }

  /// The proposals of consecutive RoIs, [rows.count × 4]: x1, y1, x2, y2 in absolute pixels.
  ///
  /// - Throws: `FeatureSetError` if one of them is not finite.
  /// - Precondition: `rows` lies within `0..<roiCount`.
  public func boxes(rows: Range<Int>) throws -> [Float] { try values(.boxes, rows: rows) ?? [] }

  /// A column of consecutive RoIs, [rows.count × width]; `nil` where the set does not have it.
  ///
  /// - Throws: `FeatureSetError` if a number is not finite.
  /// - Precondition: `rows` lies within `0..<roiCount`.
  public func values(_ column: FeatureColumn, rows: Range<Int>) throws -> [Float]? {
    guard let width = width(of: column) else { return nil }
    return try [Float](unsafeUninitializedCapacity: rows.count * width) { buffer, initialized in
      if let destination = buffer.baseAddress { try copy(column, rows: rows, into: destination) }
      initialized = rows.count * width
    }
  }

  /// Copies a column of consecutive RoIs, widened to single precision; nothing where the set does not have it.
  func copy(_ column: FeatureColumn, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws {
    guard let width = width(of: column), !rows.isEmpty else { return }
    precondition(rows.lowerBound >= 0 && rows.upperBound <= roiCount)
    var row = rows.lowerBound
    var index = shardIndex(ofRow: row)
    while row < rows.upperBound {
      let shard = shards[index]
      let end = min(rows.upperBound, shard.firstRow + shard.rowCount)
      try copy(
        column, of: shard, rows: row - shard.firstRow..<end - shard.firstRow,
        into: destination + (row - rows.lowerBound) * width)
      row = end
      index += 1
    }
  }

  private func copy(
    _ column: FeatureColumn, of shard: FeatureShard, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>
  ) throws {
    guard let tensor = shard.tensor(column), let width = shard.width(of: column) else { return }
    if tensor.widen(rows.lowerBound * width..<rows.upperBound * width, into: destination) { return }
    for place in 0..<rows.count * width where !destination[place].isFinite {
      throw FeatureSetError(
        path: shard.path, tensor: column.rawValue, row: rows.lowerBound + place / width, code: .notFinite,
        detail: "number \(place % width) is \(destination[place])")
    }
  }

  /// Four consecutive numbers of a column in one row.
  ///
  /// - Parameter start: The first of them; the column is at least `start` + 4 wide.
  /// - Throws: `FeatureSetError` if one of them is not finite.
  package func four(_ column: FeatureColumn, ofRow row: Int, from start: Int) throws -> SIMD4<Float> {
    let shard = shards[shardIndex(ofRow: row)]
    guard let tensor = shard.tensor(column), let width = shard.width(of: column) else { return .zero }
    var numbers = SIMD4<Float>.zero
    let first = (row - shard.firstRow) * width + start
    let isFinite = withUnsafeMutableBytes(of: &numbers) { bytes in
      bytes.withMemoryRebound(to: Float.self) { floats in
        floats.baseAddress.map { tensor.widen(first..<first + 4, into: $0) } ?? true
      }
    }
    guard isFinite else {
      throw FeatureSetError(
        path: shard.path, tensor: column.rawValue, row: row - shard.firstRow, code: .notFinite,
        detail: "numbers \(start) to \(start + 3) are \(numbers)")
    }
    return numbers
  }

  /// For a box that decoding makes infinite.
  package func boxError(ofRow row: Int) -> FeatureSetError {
    let shard = shards[shardIndex(ofRow: row)]
    let column: FeatureColumn = width(of: .boxDeltas) == nil ? .boxes : .boxDeltas
    return FeatureSetError(
      path: shard.path, tensor: column.rawValue, row: row - shard.firstRow, code: .box,
      detail: "gives a box beyond the range of single precision")
  }

  /// The shard that a row lies in.
  func shardIndex(ofRow row: Int) -> Int {
    precondition(0 <= row && row < roiCount)
    var (low, high) = (0, shards.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if shards[middle].firstRow <= row { low = middle } else { high = middle - 1 }
    }
    return low
  }
}
