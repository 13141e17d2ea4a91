import CSimdJSON

extension SegmentationColumns {
  /// Appends what a window holds.
  mutating func append(_ rows: RecordReader.Rows) {
    let (firstCoordinate, firstPolygon, firstRun, firstByte) = (
      coordinates.count, polygonEnds.count, runs.count, bytes.count
    )
    coordinates.append(contentsOf: UnsafeBufferPointer(start: rows.coordinates, count: rows.coordinate_count))
    for end in UnsafeBufferPointer(start: rows.polygon_ends, count: rows.polygon_count) {
      polygonEnds.append(firstCoordinate + Int(end))
    }
    runs.append(contentsOf: UnsafeBufferPointer(start: rows.runs, count: rows.run_count))
    bytes.append(contentsOf: UnsafeBufferPointer(start: rows.bytes, count: rows.byte_count))
    for row in UnsafeBufferPointer(start: rows.objects, count: rows.count) {
      let segmentation = row.segmentation
      let (kind, offset): (Kind, Int) =
        switch CSimdJSONSegmentationKind(segmentation.kind) {
        case CSIMDJSON_POLYGONS: (.polygons, firstPolygon)
        case CSIMDJSON_RUN_LENGTHS: (.runLengths, firstRun)
        case CSIMDJSON_COMPRESSED: (.compressed, firstByte)
        default: (.none, 0)
        }
      entries.append(
        Entry(
          first: offset + Int(segmentation.parts.first), count: Int(segmentation.parts.count),
          height: segmentation.height, width: segmentation.width, kind: kind,
          area: kind == .compressed ? Int(segmentation.area) : -1))
    }
  }
}
