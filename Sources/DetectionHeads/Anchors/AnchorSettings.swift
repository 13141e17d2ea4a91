import Foundation

/// The anchors of a dense detector: sizes and ratios of every level, strides, and the framework whose rules place them.
///
/// Sets of feature maps and head files keep it as texts, one a key.
public struct AnchorSettings: Sendable, Hashable {
  /// The sizes of each level's anchors in pixels, √(width · height), the finest level first.
  public var sizes: [[Double]]
  /// The ratios height ÷ width, the same on every level.
  public var ratios: [Double]
  /// The pixels from a location to the next, for each level.
  public var strides: [Int]
  /// The framework whose rules hold.
  public var convention: AnchorConvention
  /// The place of the first location's anchors in units of the stride; 0 in the three frameworks.
  public var offset: Double
  /// Whether base anchors are rounded to whole pixels; as the convention does unless stated.
  public var roundsBaseAnchors: Bool
  /// Whether the anchors of a location are ordered by size first; as the convention does unless stated.
  public var ordersBySize: Bool

  /// Describes anchors.
  ///
  /// - Parameters:
  ///   - sizes: The sizes of each level's anchors in pixels, as many on every level.
  ///   - ratios: The ratios height ÷ width.
  ///   - strides: The pixels from a location to the next, for each level.
  ///   - convention: The framework whose rules hold.
  ///   - offset: The place of the first location's anchors in units of the stride.
  ///   - roundsBaseAnchors: Whether base anchors are rounded; `nil` for the convention's rule.
  ///   - ordersBySize: Whether sizes stand outside ratios; `nil` for the convention's rule.
  public init(
    sizes: [[Double]], ratios: [Double], strides: [Int], convention: AnchorConvention = .torchvision,
    offset: Double = 0, roundsBaseAnchors: Bool? = nil, ordersBySize: Bool? = nil
  ) {
    self.sizes = sizes
    self.ratios = ratios
    self.strides = strides
    self.convention = convention
    self.offset = offset
    self.roundsBaseAnchors = roundsBaseAnchors ?? convention.roundsBaseAnchors
    self.ordersBySize = ordersBySize ?? convention.ordersBySize
  }

  /// A, the number of anchors of a location.
  public var anchorsPerLocation: Int { (sizes.first?.count ?? 0) * ratios.count }

  /// The reason why there can be no such anchors, in one line; `nil` where there can.
  ///
  /// - Parameter levelCount: The levels of the maps.
  public func fault(levelCount: Int) -> String? {
    if sizes.count != levelCount { return "anchor_sizes are of \(sizes.count) levels, the maps have \(levelCount)" }
    if strides.count != levelCount { return "strides are of \(strides.count) levels, the maps have \(levelCount)" }
    if ratios.isEmpty || sizes.contains(where: { $0.isEmpty || $0.count != sizes[0].count }) {
      return "every level needs as many anchor_sizes, one or more, and there must be an anchor_ratio"
    }
    if !(sizes.flatMap { $0 } + ratios).allSatisfy({ $0 > 0 && $0.isFinite }) || !offset.isFinite {
      return "anchor_sizes and anchor_ratios must be numbers above 0"
    }
    if anchorsPerLocation > 1024 { return "\(anchorsPerLocation) anchors a location are too many" }
    return strides.allSatisfy { (1...1 << 15).contains($0) } ? nil : "strides must be from 1 to 32768"
  }
}

extension AnchorSettings {
  /// Reads the texts of a set of feature maps or of a head file: `anchor_sizes` (`16,20.16;32,40.3`, a level after
  /// another), `anchor_ratios` (`0.5,1,2`), `strides` (`8,16`), `anchor_convention`, and where they differ from it
  /// `anchor_offset`, `anchor_rounding` (`yes` or `no`) and `anchor_order` (`ratios` or `sizes` outside).
  ///
  /// - Throws: `LinearHeadError` if one is missing or at fault.
  public init(metadata: [String: String]) throws {
    func text(_ key: String) throws -> String {
      guard let text = metadata[key] else {
        throw LinearHeadError(.badValue, "metadata \"\(key)\" is missing: a set of feature maps states its anchors")
      }
      return text
    }
    func numbers(_ key: String, _ text: String) throws -> [Double] {
      let parts = text.split(separator: ",", omittingEmptySubsequences: false).map {
        Double($0.trimmingCharacters(in: .whitespaces))
      }
      let values = parts.compactMap { $0 }
      guard values.count == parts.count, values.allSatisfy(\.isFinite) else {
        throw LinearHeadError(.badValue, "metadata \"\(key)\" is \"\(text)\"; numbers with commas are expected")
      }
      return values
    }
    func choice(_ key: String, _ values: [String: Bool]) throws -> Bool? {
      guard let text = metadata[key] else { return nil }
      guard let value = values[text] else {
        let names = values.keys.sorted().joined(separator: " or ")
        throw LinearHeadError(.badValue, "metadata \"\(key)\" is \"\(text)\"; \(names) is expected")
      }
      return value
    }
    var convention = AnchorConvention.torchvision
    if let name = metadata["anchor_convention"] {
      guard let known = AnchorConvention(rawValue: name) else {
        let names = AnchorConvention.allCases.map(\.rawValue).joined(separator: ", ")
        throw LinearHeadError(
          .unknownName, "metadata \"anchor_convention\" is \"\(name)\"; one of \(names) is expected")
      }
      convention = known
    }
    let strides = try numbers("strides", text("strides"))
    guard strides.allSatisfy({ $0 == $0.rounded() && (1...32768).contains($0) }) else {
      throw LinearHeadError(.badValue, "metadata \"strides\" must be whole numbers from 1 to 32768")
    }
    self.init(
      sizes: try text("anchor_sizes").split(separator: ";", omittingEmptySubsequences: false).map {
        try numbers("anchor_sizes", String($0))
      },
      ratios: try numbers("anchor_ratios", text("anchor_ratios")), strides: strides.map { Int($0) },
      convention: convention,
      offset: try metadata["anchor_offset"].map { try numbers("anchor_offset", $0) }?.first ?? 0,
      roundsBaseAnchors: try choice("anchor_rounding", ["yes": true, "no": false]),
      ordersBySize: try choice("anchor_order", ["ratios": false, "sizes": true]))
  }

  /// Reads the texts of a set of feature maps, and checks that they fit its maps.
  ///
  /// - Parameters:
  ///   - metadata: The texts of the set.
  ///   - levelCount: The levels of its maps.
  ///   - anchorsPerLocation: The anchors of a location that it has box deltas of; `nil` where it has none.
  ///   - path: The set, for errors.
  /// - Throws: `LinearHeadError` if a text is missing or at fault, or does not fit the maps.
  package init(metadata: [String: String], levelCount: Int, anchorsPerLocation: Int?, path: String) throws {
    do {
      try self.init(metadata: metadata)
    } catch let error as LinearHeadError {
      throw error.inFile(path)
    }
    if let fault = fault(levelCount: levelCount) { throw LinearHeadError(.badValue, fault, path: path) }
    if let stated = anchorsPerLocation, stated != self.anchorsPerLocation {
      throw LinearHeadError(
        .wrongShape,
        "its box_deltas are of \(stated) anchors a location, its anchor_sizes and anchor_ratios of "
          + "\(self.anchorsPerLocation)", path: path)
    }
  }

  /// The texts that a set or a head file keeps.
  public var metadata: [String: String] {
    func text(_ values: [Double]) -> String {
      values.map { $0 == $0.rounded() && abs($0) < 1e15 ? "\(Int($0))" : "\($0)" }.joined(separator: ",")
    }
    var texts = [
      "anchor_sizes": sizes.map(text).joined(separator: ";"), "anchor_ratios": text(ratios),
      "strides": strides.map(String.init).joined(separator: ","), "anchor_convention": convention.rawValue,
    ]
    if offset != 0 { texts["anchor_offset"] = "\(offset)" }
    if roundsBaseAnchors != convention.roundsBaseAnchors { texts["anchor_rounding"] = roundsBaseAnchors ? "yes" : "no" }
    if ordersBySize != convention.ordersBySize { texts["anchor_order"] = ordersBySize ? "sizes" : "ratios" }
    return texts
  }
}
