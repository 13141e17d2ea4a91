import CSimdJSON

/// The masks of many records, flat in memory.
public struct SegmentationColumns: Sendable {
  package enum Kind: UInt8, Sendable { case none, polygons, runLengths, compressed }

  /// One record: where its parts stand in the list of its kind.
  package struct Entry: Sendable {
    package var first: Int
    package var count: Int
    package var height: UInt32
    package var width: UInt32
    package var kind: Kind
    /// Of compressed run lengths that cover the mask exactly, the pixels inside; −1 for all others.
    package var area = -1
  }

  package internal(set) var entries: [Entry] = []
  /// Corners x, y, x, y, … of all polygons.
  package internal(set) var coordinates: [Double] = []
  /// Where in `coordinates` each polygon stops and the next one starts.
  package internal(set) var polygonEnds: [Int] = []
  package internal(set) var runs: [UInt32] = []
  package internal(set) var bytes: [UInt8] = []

  /// Makes an empty container.
  public init() {}

  /// The number of records, those without a mask included.
  public var count: Int { entries.count }

  /// The mask of a record; `nil` where it has none.
  public subscript(index: Int) -> Segmentation? {
    let entry = entries[index]
    switch entry.kind {
    case .none: return nil
    case .polygons: return .polygons((0..<entry.count).map { Array(polygon($0, of: entry)) })
    case .runLengths:
      return .runLengths(
        height: Int(entry.height), width: Int(entry.width), counts: Array(runs[entry.first..<entry.first + entry.count])
      )
    case .compressed:
      return .compressed(
        height: Int(entry.height), width: Int(entry.width),
        counts: Array(bytes[entry.first..<entry.first + entry.count]))
    }
  }

  /// Removes all masks and keeps the memory.
  public mutating func removeAll() {
    entries.removeAll(keepingCapacity: true)
    coordinates.removeAll(keepingCapacity: true)
    polygonEnds.removeAll(keepingCapacity: true)
    runs.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }

  /// The masks of some records, in that order.
  package func selecting(_ records: [Int]) -> SegmentationColumns {
    var selected = self
    selected.entries = records.map { entries[$0] }
    return selected
  }

  package func polygon(_ index: Int, of entry: Entry) -> ArraySlice<Double> {
    let position = entry.first + index
    return coordinates[(position == 0 ? 0 : polygonEnds[position - 1])..<polygonEnds[position]]
  }

  /// Appends a record's mask.
  public mutating func append(_ segmentation: Segmentation?) {
    switch segmentation {
    case nil: entries.append(Entry(first: 0, count: 0, height: 0, width: 0, kind: .none))
    case .polygons(let polygons):
      entries.append(Entry(first: polygonEnds.count, count: polygons.count, height: 0, width: 0, kind: .polygons))
      for polygon in polygons {
        coordinates.append(contentsOf: polygon)
        polygonEnds.append(coordinates.count)
      }
    case .runLengths(let height, let width, let counts):
      entries.append(
        Entry(
          first: runs.count, count: counts.count, height: UInt32(clamping: height), width: UInt32(clamping: width),
          kind: .runLengths))
      runs.append(contentsOf: counts)
    case .compressed(let height, let width, let counts):
      entries.append(
        Entry(
          first: bytes.count, count: counts.count, height: UInt32(clamping: height), width: UInt32(clamping: width),
          kind: .compressed, area: Self.area(of: counts, height: height, width: width)))
      bytes.append(contentsOf: counts)
    }
  }
}

extension SegmentationColumns {
  /// The pixels inside compressed run lengths; −1 where they do not cover the mask exactly.
  private static func area(of counts: [UInt8], height: Int, width: Int) -> Int {
    let (pixels, overflow) = height.multipliedReportingOverflow(by: width)
    guard !overflow, height >= 0, width >= 0, pixels <= Int(UInt32.max) else { return -1 }
    return Int(csimdjson_run_length_area(counts, counts.count, UInt64(pixels)))
  }
}
