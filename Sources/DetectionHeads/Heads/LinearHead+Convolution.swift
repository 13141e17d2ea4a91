import DenseLinearAlgebra
import LVISDatasets
import TensorFiles

/// The last 3 × 3 convolution of a dense detector as a layer of patches, a row 9D numbers; see `LinearRows.patchRows`.
extension LinearHead {
  /// The key of A in a head file.
  static let anchorCountKey = "anchors_per_location"

  /// The names of the dense detector that a file is of; `nil` where it is of none.
  package static func denseDetector(in file: any TensorContainer) -> DenseDetectorNames? {
    let names = Set(file.names)
    return DenseDetectorNames.frameworks.first { names.contains("\($0.classes.last).weight") }
  }

  /// Reads the classification layer of a dense detector's own file: a sigmoid for each class.
  ///
  /// A follows from the box layer beside it, or from the number of classes. Where it has a row more for each anchor than
  /// there are classes, as in torchvision where the user counted background, the first is left out.
  ///
  /// - Parameters:
  ///   - file: The file, without a prefix.
  ///   - names: The names of its layers.
  ///   - groups: The classes, in the order of the layer's.
  /// - Throws: `TensorFileError` or `LinearHeadError` if the layer is missing or does not fit the classes.
  package init(
    detector file: any TensorContainer, names: DenseDetectorNames, groups: CategoryGroups
  ) throws {
    let rows = try LinearRows(convolution: names.classes.last, of: file)
    let classCount = groups.classCount
    let boxRows = try file.tensorIfPresent("\(names.boxes.last).weight")?.shape.first
    let anchorCount: Int
    if let boxRows, boxRows > 0, boxRows.isMultiple(of: 4) {
      anchorCount = boxRows / 4
    } else {
      anchorCount =
        rows.bias.count.isMultiple(of: classCount) ? rows.bias.count / classCount : rows.bias.count / (classCount + 1)
    }
    let perAnchor = anchorCount > 0 ? rows.bias.count / anchorCount : 0
    guard anchorCount > 0, rows.bias.count.isMultiple(of: anchorCount),
      [classCount, classCount + 1].contains(perAnchor)
    else {
      throw LinearHeadError(
        .wrongClasses,
        "\(names.classes.last) has \(rows.bias.count) outputs; A for each of the \(classCount) classes are expected",
        path: file.path)
    }
    let columns = rows.weight.columns
    let skipped = perAnchor - classCount
    var (values, bias): ([Float], [Float]) = ([], [])
    for anchor in 0..<anchorCount {
      let first = anchor * perAnchor + skipped
      values += rows.weight.storage[first * columns..<(first + classCount) * columns]
      bias += rows.bias[first..<first + classCount]
    }
    try self.init(
      weight: Matrix(rows: bias.count, columns: columns, values: values), bias: bias,
      layout: AnchoredLayout(SigmoidLayout(classCount: classCount), anchorCount: anchorCount), groups: groups,
      method: Self.ownMethod)
    tower = try ConvolutionTower(file, names: names.classes)
    if let fault = tower.fault(below: weight.columns / 9) { throw LinearHeadError(.wrongShape, fault, path: file.path) }
  }

  /// The name of the method of a head that comes from a detector's own file.
  package static let ownMethod = "own-head"

  /// Whether it comes from a detector's own file, calibrated perhaps, and was not trained since, or is a mean with such a
  /// head: convolutions below its last are then the detector's own.
  public var isOfDetector: Bool {
    method.split(separator: "+").contains { $0 == Self.ownMethod }
  }

  /// The head for maps that a detector's convolutions below the last have gone through already: its own last layer alone.
  ///
  /// - Parameter convolutions: The number of convolutions between the maps and the last one, as the set states it; `nil`
  ///   where it states none, as 0.
  public func forMaps(below convolutions: Int?) -> LinearHead {
    isOfDetector && convolutions ?? 0 == 0 ? withoutTower : self
  }

  /// The head without the convolutions below its last one, for maps that are their output.
  package var withoutTower: LinearHead {
    var head = self
    head.tower = ConvolutionTower()
    return head
  }

  /// The same with as many groups of GroupNorm where the file that it comes from does not say how many.
  ///
  /// - Throws: `LinearHeadError` if they do not divide the channels.
  public func statingNormGroups(_ groups: Int) throws -> LinearHead {
    var head = self
    head.tower = try tower.statingNormGroups(groups)
    return head
  }

  /// The classifier's rows.
  package var classifier: LinearRows { LinearRows(weight: weight, bias: bias) }
}

extension LinearHead {
  /// The classifier of one anchor of a dense head alone; `nil` where it is none.
  package func anchor(_ index: Int) -> LinearHead? {
    guard let layout = layout as? AnchoredLayout, (0..<layout.anchorCount).contains(index) else { return nil }
    let rows = index * layout.base.logitCount..<(index + 1) * layout.base.logitCount
    let columns = weight.columns
    return try? LinearHead(
      weight: Matrix(
        rows: rows.count, columns: columns,
        values: Array(weight.storage[rows.lowerBound * columns..<rows.upperBound * columns])),
      bias: Array(bias[rows]), layout: layout.base, groups: groups, method: method)
  }

  /// The dense head whose anchors' classifiers each come from a change of this one's.
  ///
  /// - Parameter change: Gives a classifier of the same features; all in one layout.
  /// - Throws: What the change throws.
  package func mappingAnchors(_ change: (LinearHead) throws -> LinearHead) throws -> LinearHead {
    try mappingAnchors { part, _ in try change(part) }
  }

  /// The same with the place of the anchor.
  package func mappingAnchors(_ change: (LinearHead, Int) throws -> LinearHead) throws -> LinearHead {
    guard let anchorCount = layout.anchorsPerLocation else { return try change(self, 0) }
    let parts = try (0..<anchorCount).compactMap { place in try anchor(place).map { try change($0, place) } }
    guard let first = parts.first else { return self }
    var head = try LinearHead(
      weight: Matrix(
        rows: parts.reduce(0) { $0 + $1.weight.rows }, columns: weight.columns, values: parts.flatMap(\.weight.storage)),
      bias: parts.flatMap(\.bias), layout: AnchoredLayout(first.layout, anchorCount: anchorCount), groups: groups,
      method: first.method)
    head.tower = tower
    return head
  }
}
