import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets

/// The places of the rows of a detector's last layers among this library's.
///
/// Shapes: C classes, K logits. A row order is, for every row of the detector's, the row of ours; `nil` for a row that is
/// no category, which we do not have.
struct RowOrder {
  let framework: DetectorFramework
  /// The detector's classes in its order, as indices by ascending id; `nil` for one that is no category.
  let classes: [Int?]

  /// Finds the order of a detector's rows.
  ///
  /// - Parameters:
  ///   - rowCount: The rows of the detector's classifier; `nil` where there are none yet. torchvision's COCO detectors
  ///     have one for every id up to the largest, 91 for 80 categories.
  /// - Throws: `ModelExportError` if a list of classes is not of these.
  init(_ framework: DetectorFramework, _ order: ClassOrder, groups: CategoryGroups, rowCount: Int? = nil) throws {
    self.framework = framework
    let ids = groups.members.map(\.id)
    if framework == .torchvision, order == .id, let rowCount, rowCount != ids.count + 1,
      ids.first.map({ $0 > 0 }) == true,
      ids.last == rowCount - 1
    {
      let places = Dictionary(uniqueKeysWithValues: zip(ids, ids.indices))
      classes = (1..<rowCount).map { places[$0] }
    } else {
      classes = try order.indices(of: groups)
    }
  }

  /// The rows of a classifier.
  ///
  /// - Parameter layout: Ours; grouped ones have `[background, foreground]` for G0.
  /// - Throws: `ModelExportError` if the framework has no such classifier.
  func classifier(_ layout: any LogitLayout) throws -> [Int?] {
    let classRows = classes.map { $0.map { layout.logit(ofClass: $0) } }
    guard framework != .bags else { return Array(0..<layout.logitCount) }
    if framework.isGrouped {
      guard let layout = layout as? GroupedLayout, layout.hasOthers, layout.background == .official else {
        throw ModelExportError(
          .unsupported,
          "a head of the layout \(layout.name) has no groups with `others` and G0, which \(framework.rawValue)'s has")
      }
      let known = classes.compactMap { $0 }
      let rank = Dictionary(known.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
      let groups = zip(layout.slices, layout.groups.classesByGroup).flatMap { slice, members in
        [slice.lowerBound]
          + members.sorted { rank[$0, default: 0] < rank[$1, default: 0] }.map { layout.logit(ofClass: $0) }
      }
      let pair = layout.backgroundLogits
      return framework == .official ? pair + groups : groups + pair.reversed()
    }
    guard layout.othersLogits.isEmpty, !(layout is GroupedLayout) else {
      throw ModelExportError(
        .unsupported,
        "a grouped head is no layer that \(framework.rawValue) has; put the predictor of Integrations into the detector, "
          + "or convert to official or eqlv2")
    }
    // mmdetection has normed linear layers; their temperature stands in the detector's configuration.
    let isNormed = framework == .mmdetection && layout is NormedLayout
    guard layout.product == .linear || isNormed, layout.unnormed.tensors.isEmpty else {
      throw ModelExportError(
        .unsupported,
        "a head of the layout \(layout.name) is more than a linear layer; \(framework.rawValue) has none like it")
    }
    let background = layout.backgroundLogits
    guard background.count < 2 || framework == .mmdetection else {
      throw ModelExportError(
        .unsupported,
        "a head of the layout \(layout.name) has \(background.count) rows for background; of the frameworks only "
          + "mmdetection has such heads")
    }
    return framework.hasBackgroundFirst ? background + classRows : classRows + background
  }

  /// The rows of a regressor of every class, without background's: by class, four each.
  var regressor: [Int?] { classes.flatMap { index in (0..<4).map { row in index.map { 4 * $0 + row } } } }

  /// The places of the classifier's rows that are no category.
  func otherRows(_ layout: any LogitLayout) throws -> [Int] {
    try classifier(layout).enumerated().filter { $1 == nil }.map(\.offset)
  }
}

extension LinearRows {
  /// The rows in another order: row i of the result is row `order[i]`.
  func taking(_ order: [Int]) -> LinearRows {
    LinearRows(
      weight: Matrix(rows: order.count, columns: weight.columns, values: order.flatMap { weight.row($0) }),
      bias: order.map { bias[$0] })
  }

  /// Puts the rows back: row `order[i]` of the result is row i. Rows without a place are left out.
  func puttingBack(_ order: [Int?]) -> LinearRows {
    var places = Array(repeating: 0, count: order.count { $0 != nil })
    for (place, row) in order.enumerated() { if let row { places[row] = place } }
    return taking(places)
  }

  /// The rows in a detector's order: row i of the result is row `order[i]`, or, where there is none, row i of the
  /// detector's own.
  ///
  /// - Precondition: The detector's has as many rows as the order, wherever one is taken from it.
  func taking(_ order: [Int?], else detector: LinearRows?) -> LinearRows {
    let rows = order.enumerated().map { place, row in
      row.map { (weight.row($0), bias[$0]) } ?? detector.map { ($0.weight.row(place), $0.bias[place]) } ?? ([], 0)
    }
    return LinearRows(
      weight: Matrix(rows: rows.count, columns: weight.columns, values: rows.flatMap(\.0)), bias: rows.map(\.1))
  }
}
