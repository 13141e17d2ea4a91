import DenseLinearAlgebra
import DetectionHeads

/// Where the rows of a detector's last layers stand among this project's.
///
/// Shapes: C classes, K logits. A row order is, for every row of the detector's, the row of ours.
struct RowOrder {
  let framework: DetectorFramework
  /// The detector's classes in its order, as indices by ascending id.
  let classes: [Int]

  /// The rows of a classifier.
  ///
  /// - Parameter layout: Ours; grouped ones have `[background, foreground]` for G0.
  /// - Throws: `ModelExportError` if the framework has no such classifier.
  func classifier(_ layout: any LogitLayout) throws -> [Int] {
    let classRows = classes.map { layout.logit(ofClass: $0) }
    guard framework != .bags else { return Array(0..<layout.logitCount) }
    if framework.isGrouped {
      guard let layout = layout as? GroupedLayout, layout.hasOthers, layout.background == .official else {
        throw ModelExportError(
          "a head of the layout \(layout.name) has no groups with `others` and G0, which \(framework.rawValue)'s has")
      }
      let rank = Dictionary(classes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
      let groups = zip(layout.slices, layout.groups.classesByGroup).flatMap { slice, members in
        [slice.lowerBound]
          + members.sorted { rank[$0, default: 0] < rank[$1, default: 0] }.map { layout.logit(ofClass: $0) }
      }
      let pair = layout.backgroundLogits
      return framework == .official ? pair + groups : groups + pair.reversed()
    }
    guard layout.othersLogits.isEmpty, !(layout is GroupedLayout) else {
      throw ModelExportError(
        "a grouped head is no layer that \(framework.rawValue) has; put the predictor of Integrations into the detector, "
          + "or convert to official or eqlv2")
    }
    // mmdetection has normed linear layers; their temperature stands in the detector's configuration.
    let isNormed = framework == .mmdetection && layout is NormedLayout
    guard layout.product == .linear || isNormed, layout.unnormed.tensors.isEmpty else {
      throw ModelExportError(
        "a head of the layout \(layout.name) is more than a linear layer; \(framework.rawValue) has none like it")
    }
    let background = layout.backgroundLogits
    guard background.count < 2 || framework == .mmdetection else {
      throw ModelExportError(
        "a head of the layout \(layout.name) has \(background.count) rows for background; of the frameworks only "
          + "mmdetection has such heads")
    }
    return framework.hasBackgroundFirst ? background + classRows : classRows + background
  }

  /// The rows of a regressor of every class, without background's: by class, four each.
  var regressor: [Int] { classes.flatMap { index in (0..<4).map { 4 * index + $0 } } }
}

extension LinearRows {
  /// The rows in another order: row i of the result is row `order[i]`.
  func taking(_ order: [Int]) -> LinearRows {
    LinearRows(
      weight: Matrix(rows: order.count, columns: weight.columns, values: order.flatMap { weight.row($0) }),
      bias: order.map { bias[$0] })
  }

  /// Puts the rows back: row `order[i]` of the result is row i.
  func puttingBack(_ order: [Int]) -> LinearRows {
    var places = Array(repeating: 0, count: order.count)
    for (place, row) in order.enumerated() { places[row] = place }
    return taking(places)
  }
}
