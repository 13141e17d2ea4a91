import DenseLinearAlgebra
import DetectionHeads
import DurableFiles
import Foundation

/// The maps of the images that a dense head's ONNX model takes: their shapes, and the anchors on them.
public struct ONNXMaps: Sendable {
  /// The anchors of the maps.
  public let anchors: AnchorSettings
  /// The height and width of each level, in locations, the finest first.
  public let levels: [(height: Int, width: Int)]

  /// Describes maps.
  ///
  /// - Parameters:
  ///   - anchors: Sizes, ratios, strides and rules, of as many levels.
  ///   - levels: The height and width of each level, in locations.
  public init(anchors: AnchorSettings, levels: [(height: Int, width: Int)]) {
    (self.anchors, self.levels) = (anchors, levels)
  }

  /// M, the locations of all levels.
  var locationCount: Int { levels.reduce(0) { $0 + $1.height * $1.width } }
}

extension LinearHead {
  /// Writes a dense head as an ONNX model in plain operators, for images whose maps have the shapes given.
  ///
  /// Legend: N images of any number, C channels, K classes by ascending category id, A anchors a location, M locations of all
  /// levels. In: for each level l `features_l` [N, C, H, W], what the head was trained on, and `box_deltas_l`
  /// [N, 4A, H, W], what the detector's regression branch gives; `image_sizes` [N, 2], the height and width that the
  /// detector saw, without padding. Out: `scores` [N, M · A, K] and `boxes` [N, M · A, 4], corners in pixels of that image,
  /// level after level, row by row, the anchors of a location adjacent. Boxes are clipped to the image where the framework
  /// clips before suppression; suppression is left to the program around the model.
  ///
  /// - Parameters:
  ///   - path: Where the file will stand.
  ///   - maps: The maps' shapes and anchors.
  ///   - precision: Of features and weights; deltas and boxes are in single precision.
  ///   - producerVersion: The program's.
  /// - Throws: `ModelExportError` if it is no dense head for such anchors, or its scores cannot be said in plain operators;
  ///   `FileError`.
  public func writeONNX(
    to path: String, for maps: ONNXMaps, precision: ONNXPrecision = .fp32, producerVersion: String
  ) throws {
    try DurableFile.write(
      try onnxModel(for: maps, precision: precision, producerVersion: producerVersion), to: path)
  }

  /// The bytes of that file.
  package func onnxModel(for maps: ONNXMaps, precision: ONNXPrecision, producerVersion: String) throws -> Data {
    guard let layout = layout as? AnchoredLayout, layout.anchorCount == maps.anchors.anchorsPerLocation, hidden.isEmpty
    else {
      throw ModelExportError(
        .unsupported,
        "only the classification branch of a dense detector is exported for maps, with as many anchors a location as they "
          + "have, "
          + "\(maps.anchors.anchorsPerLocation)")
    }
    guard maps.anchors.fault(levelCount: maps.levels.count) == nil,
      maps.levels.allSatisfy({ $0.height > 0 && $0.width > 0 })
    else { throw ModelExportError(.unsupported, "the anchors are not of the levels of the maps") }
    guard tower.normGroups != nil else {
      throw ModelExportError(.unsupported, "the file of the head does not say of how many groups its GroupNorm is")
    }
    if precision == .fp16 { try checkHalfPrecision() }
    let type: ONNXGraph.ElementType = precision == .fp16 ? .float16 : .float32
    var graph = ONNXGraph()
    let scores = try graph.denseScores(of: self, layout: layout, maps: maps, type: type)
    let boxes = graph.boxes(of: maps)
    let (channels, count) = (inputs / 9, maps.locationCount * layout.anchorCount)
    let features = maps.levels.enumerated().map { level, shape in
      ("features_\(level)", type, [channels, shape.height, shape.width])
    }
    let deltas = maps.levels.enumerated().map { level, shape in
      ("box_deltas_\(level)", ONNXGraph.ElementType.float32, [4 * layout.anchorCount, shape.height, shape.width])
    }
    return try onnxModel(
      of: graph.finished(
        name: "dense head", inputs: features + deltas + [("image_sizes", .float32, [2])],
        outputs: [("scores", scores, [count, layout.classCount]), ("boxes", boxes, [count, 4])]),
      description: "Scores and boxes of \(count) anchors of \(maps.levels.count) feature maps of \(channels) channels",
      producerVersion: producerVersion)
  }
}

extension ONNXGraph {
  /// [N, 4A or A · K, H, W] as [N, H · W · A, width], the anchors of a location adjacent.
  private mutating func rows(_ value: String, count: Int, width: Int) -> String {
    let moved = add("Transpose", [value], ["perm": .integers([0, 2, 3, 1])])
    // 0: as long as before, N.
    let shape = constant(integers: [0, count, width])
    return add("Reshape", [moved, shape])
  }

  private mutating func joined(_ levels: [String]) -> String {
    levels.count == 1 ? levels[0] : add("Concat", levels, ["axis": .integer(1)])
  }

  /// The convolution of every level, and the scores of each anchor's logits.
  fileprivate mutating func denseScores(
    of head: LinearHead, layout: AnchoredLayout, maps: ONNXMaps, type: ElementType
  ) throws -> String {
    let (values, shape) = LinearRows.convolution(head.weight)
    let weight = constant(floats: values, shape: shape, type: type, name: "weight")
    let bias = constant(floats: head.bias, shape: [head.bias.count], type: type, name: "bias")
    let width = layout.base.logitCount
    let inputs = apply(
      head.tower, to: maps.levels.enumerated().map { ("features_\($0)", $1.height, $1.width) }, type: type)
    let levels = maps.levels.enumerated().map { level, shape in
      let product = add(
        "Conv", [inputs[level], weight, bias],
        ["kernel_shape": .integers([3, 3]), "pads": .integers([1, 1, 1, 1])])
      let logits = type == .float32 ? product : cast(product, to: .float32)
      return rows(logits, count: shape.height * shape.width * layout.anchorCount, width: width)
    }
    let all = joined(levels)
    let flatShape = constant(integers: [-1, width])
    let flat = add("Reshape", [all, flatShape])
    let scores = try scores(flat, layout: layout.base)
    let back = constant(integers: [-1, maps.locationCount * layout.anchorCount, layout.classCount])
    return add("Reshape", [scores, back])
  }

  /// The boxes that the deltas make of the anchors.
  fileprivate mutating func boxes(of maps: ONNXMaps) -> String {
    let anchors = AnchorGrid(maps.anchors, levels: maps.levels).anchors
    let convention = maps.anchors.convention
    let levels = maps.levels.enumerated().map { level, shape in
      rows("box_deltas_\(level)", count: shape.height * shape.width * maps.anchors.anchorsPerLocation, width: 4)
    }
    let deltas = joined(levels)
    let (first, last) = (constant(integers: [0, 1]), constant(integers: [2, 3]))
    let shift = add("Gather", [deltas, first], ["axis": .integer(2)])
    let growth = add("Gather", [deltas, last], ["axis": .integer(2)])
    let sizes = constant(
      floats: anchors.flatMap { [$0.x2 - $0.x1, $0.y2 - $0.y1] }, shape: [anchors.count, 2], name: "anchor_sizes")
    let centres = constant(
      floats: anchors.flatMap { [$0.x1 + 0.5 * ($0.x2 - $0.x1), $0.y1 + 0.5 * ($0.y2 - $0.y1)] },
      shape: [anchors.count, 2], name: "anchor_centres")
    let moved = add("Mul", [shift, sizes])
    let centre = add("Add", [moved, centres])
    let most = constant(floats: [BoxCoder.largestScale], shape: [1])
    var limited = add("Min", [growth, most])
    if convention.boxCoder.convention != .standard {
      let least = constant(floats: [-BoxCoder.largestScale], shape: [1])
      limited = add("Max", [limited, least])
    }
    let grown = add("Exp", [limited])
    let size = add("Mul", [grown, sizes])
    let half = constant(floats: [0.5], shape: [1])
    let reach = add("Mul", [size, half])
    let (lower, upper) = (add("Sub", [centre, reach]), add("Add", [centre, reach]))
    let corners = add("Concat", [lower, upper], ["axis": .integer(2)])
    guard convention.clipsBeforeSuppression else { return corners }
    let zero = constant(floats: [0], shape: [1])
    let inside = add("Max", [corners, zero])
    // Height and width as width, height, width, height, the same for all anchors of an image.
    let order = constant(integers: [1, 0, 1, 0])
    let ends = add("Gather", ["image_sizes", order], ["axis": .integer(1)])
    let axis = constant(integers: [1])
    let edges = add("Unsqueeze", [ends, axis])
    return add("Min", [inside, edges])
  }
}
