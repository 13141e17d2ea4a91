import LVISDatasets

extension GroundTruthObject {
  @inline(__always)
  func isIgnored(in range: ObjectRange) -> Bool { isIgnored || range.excludes(area: area, box: box) }
}

/// An `AreaRange` without its name, for the innermost loops.
struct ObjectRange: Sendable {
  private let area: ClosedRange<Double>
  private let aspects: ClosedRange<Double>?

  init(_ range: AreaRange) { (area, aspects) = (range.bounds, range.aspects) }

  static let all = ObjectRange(.all)

  @inline(__always)
  func excludes(area value: Double, box: BoundingBox) -> Bool {
    if value < area.lowerBound || value > area.upperBound { return true }
    guard let aspects else { return false }
    let aspect = box.width / box.height
    return aspect < aspects.lowerBound || aspect > aspects.upperBound
  }
}
