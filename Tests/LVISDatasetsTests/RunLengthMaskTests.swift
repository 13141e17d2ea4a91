import Foundation
import LVISDatasets
import TestSupport
import Testing

/// Masks against pycocotools' answers; boundaries against OpenCV's erosion.
@Suite struct RunLengthMaskTests {
  private struct Golden: Decodable {
    struct Case: Decodable {
      let height: Int
      let width: Int
      let polygons: [[Double]]
      let counts: String
      let area: Int
      let bbox: [Double]
    }
    struct Overlaps: Decodable {
      let height: Int
      let width: Int
      let masks: [String]
      let iou: [[Double]]
      let crowd: [[Double]]
      let boundary: [[Double]]
    }
    struct BoundaryArea: Decodable {
      let `case`: Int
      let distance: Int
      let area: Int
    }
    let cases: [Case]
    let ious: Overlaps
    let boundaryAreas: [BoundaryArea]
    let distances: [[Int]]
  }

  private let golden: Golden

  init() throws {
    golden = try JSONDecoder().decode(
      Golden.self, from: fileBytes(goldenPath("masks/masks.json")))
    try #require(!golden.cases.isEmpty && !golden.ious.masks.isEmpty && !golden.boundaryAreas.isEmpty)
  }

  @Test func polygonsAreDrawnAsTheReferenceDrawsThem() throws {
    for (index, example) in golden.cases.enumerated() {
      let mask = try RunLengthMask(polygons: example.polygons, height: example.height, width: example.width)
      #expect(String(decoding: mask.compressedCounts, as: UTF8.self) == example.counts, "case \(index)")
      #expect(mask.area == example.area, "case \(index)")
      let box = mask.boundingBox
      #expect([box.x, box.y, box.width, box.height] == example.bbox, "case \(index)")
    }
  }

  @Test func compressedCountsAreReadBack() throws {
    for example in golden.cases {
      let mask = try RunLengthMask(height: example.height, width: example.width, compressedCounts: example.counts.utf8)
      #expect(mask == (try RunLengthMask(polygons: example.polygons, height: example.height, width: example.width)))
    }
  }

  @Test func overlapsEqualTheReference() throws {
    let examples = golden.ious
    let masks = try examples.masks.map {
      try RunLengthMask(height: examples.height, width: examples.width, compressedCounts: $0.utf8)
    }
    for (i, first) in masks.enumerated() {
      for (j, second) in masks.enumerated() {
        #expect(first.intersectionOverUnion(with: second) == examples.iou[i][j])
        #expect(first.intersectionOverUnion(with: second, isCrowd: true) == examples.crowd[i][j])
        #expect(first.boundaryIntersectionOverUnion(with: second) == examples.boundary[i][j])
      }
    }
  }

  @Test func boundariesEqualErosion() throws {
    for example in golden.boundaryAreas {
      let mask = golden.cases[example.case]
      let bitmap = try RunLengthMask(polygons: mask.polygons, height: mask.height, width: mask.width).bitmap
      #expect(bitmap.area == mask.area)
      #expect(bitmap.boundary(distance: example.distance).area == example.area, "\(mask.height) × \(mask.width)")
    }
    for example in golden.distances {
      #expect(RunLengthMask.boundaryDistance(height: example[0], width: example[1]) == example[2])
    }
  }

  @Test func masksOfOtherSizesNeverMatch() throws {
    let first = try RunLengthMask(height: 2, width: 3, counts: [0, 6])
    #expect(first.intersectionOverUnion(with: try RunLengthMask(height: 3, width: 2, counts: [0, 6])) == -1)
    #expect(first.boundaryIntersectionOverUnion(with: try RunLengthMask(height: 3, width: 2, counts: [0, 6])) == -1)
    #expect(RunLengthMask.union(of: [first, try RunLengthMask(height: 3, width: 2, counts: [0, 6])]) == nil)
  }

  @Test(arguments: [
    ("P", "middle of a number"), ("5 ", "byte 32"), ("PPPPPPPPPPPPPPPPPP1", "out of range"), ("O", "length -1"),
    ("5", "cover 5 pixels"), ("", "cover 0 pixels"),
  ])
  func malformedStringsAreRefused(counts: String, problem: String) {
    let error = #expect(throws: MaskError.self) {
      try RunLengthMask(height: 2, width: 2, compressedCounts: counts.utf8)
    }
    #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
  }

  @Test func malformedPolygonsAreRefused() {
    for polygons: [[Double]] in [
      [], [[]], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5]], [[1, 2, 3, 4, 5, .nan]], [[1, 2, 3, 4, 5, 1e300]],
    ] {
      #expect(throws: MaskError.self) { try RunLengthMask(polygons: polygons, height: 4, width: 4) }
    }
    #expect(throws: MaskError.self) { try RunLengthMask(height: -1, width: 4, counts: []) }
    #expect(throws: MaskError.self) { try RunLengthMask(height: .max, width: 4, counts: []) }
    #expect(throws: MaskError.self) { try RunLengthMask(height: 1, width: 4, counts: [5]) }
  }
}

/// Boundaries of masks in images too large for a bitmap of their own.
@Suite struct LargeMaskTests {
  /// Two strips of one image row at opposite ends of 65,535² pixels, and one that covers half of another.
  @Test func boundariesOfTheLargestImagesTakeTheirBoxesAlone() throws {
    let side: UInt32 = 65_535
    func strip(row: UInt32, columns: Range<UInt32>) throws -> RunLengthMask {
      var counts: [UInt32] = [columns.lowerBound * side + row, 4]
      for _ in columns.dropFirst() { counts += [side - 4, 4] }
      let painted = counts.reduce(0) { $0 + UInt64($1) }
      return try RunLengthMask(
        height: Int(side), width: Int(side), counts: counts + [UInt32(UInt64(side) * UInt64(side) - painted)])
    }
    let first = try strip(row: 60_000, columns: 0..<40_000)
    let half = try strip(row: 60_000, columns: 20_000..<40_000)
    let other = try strip(row: 10, columns: 0..<40_000)
    #expect(first.boundaryIntersectionOverUnion(with: half) == 0.5)
    #expect(first.boundaryIntersectionOverUnion(with: other) == 0)
    #expect(first.boundaryIntersectionOverUnion(with: first) == 1)
    #expect(first.bitmap.area == 160_000)
  }
}
