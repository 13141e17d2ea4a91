import DenseLinearAlgebra
import LVISDatasets

/// The last layer of a detector's classifier: logits = x Wᵀ + b, or cosines where the layout says so.
///
/// Shapes: D features a RoI, K logits as the layout has them, C foreground classes. Where the layout has S stages, the S
/// classifiers of a cascade stand one below another, K counts the logits of all, and a RoI has S · D features.
public struct LinearHead: Sendable {
  /// W [K, D].
  ///
  /// - Precondition: A new value has the K rows of the layout, and the D columns that the layer below gives.
  public var weight: Matrix<Float> { didSet { checkShapes() } }
  /// b [K].
  ///
  /// - Precondition: A new value has the K numbers of the layout.
  public var bias: [Float] { didSet { checkShapes() } }
  /// Layers between the features and the classifier, the lowest first; none, unless they are trained with it.
  public package(set) var hidden: [HiddenLayer] = []
  /// The convolutions below that of a dense head, where it is for maps below them; none where it is the last layer alone.
  public package(set) var tower = ConvolutionTower()
  /// Maps the K logits to classes and scores.
  public package(set) var layout: any LogitLayout
  /// The classes by ascending category id, with their training counts and groups.
  public let groups: CategoryGroups
  /// The name of the method that trained it, such as `bags` or `softmax`.
  public var method: String

  /// Makes a head from its weights.
  ///
  /// - Throws: `LinearHeadError` if the shapes do not fit the layout, or the layout the groups.
  public init(
    weight: Matrix<Float>, bias: [Float], hidden: [HiddenLayer] = [], layout: any LogitLayout, groups: CategoryGroups,
    method: String
  ) throws {
    guard layout.classCount == groups.classCount else {
      throw LinearHeadError(
        .wrongClasses, "the layout has \(layout.classCount) classes, the groups have \(groups.classCount)")
    }
    guard weight.rows == layout.logitCount, bias.count == layout.logitCount else {
      throw LinearHeadError(
        .wrongShape,
        "\(weight.rows) weight rows and \(bias.count) biases do not fit the \(layout.logitCount) logits of the "
          + "\(layout.name) layout for \(layout.classCount) classes")
    }
    guard hidden.isEmpty || layout.stageCount == 1 else {
      throw LinearHeadError(.unsupported, "hidden layers and several stages do not go together")
    }
    guard zip(hidden.map(\.outputs), hidden.dropFirst().map(\.inputs) + [weight.columns]).allSatisfy({ $0 == $1 })
    else {
      throw LinearHeadError(.wrongShape, "hidden layers of \(hidden.map(\.outputs)) outputs do not fit one another")
    }
    self.hidden = hidden
    self.weight = weight
    self.bias = bias
    self.layout = layout
    self.groups = groups
    self.method = method
  }

  /// A head of parts that are known to fit.
  init(
    classifier: LinearRows, hidden: [HiddenLayer], tower: ConvolutionTower = ConvolutionTower(),
    layout: any LogitLayout, groups: CategoryGroups, method: String
  ) {
    self.tower = tower
    weight = classifier.weight
    bias = classifier.bias
    self.hidden = hidden
    self.layout = layout
    self.groups = groups
    self.method = method
  }

  /// A fresh head: weights drawn from N(0, σ), biases 0, as the official recipe starts.
  ///
  /// - Parameters:
  ///   - inputs: The numbers of each RoI, S · D.
  ///   - hiddenOutputs: The sizes of the layers below the classifier, for one stage.
  ///   - layout: What each logit stands for; it says how many weight rows there are.
  ///   - groups: The groups of the classes.
  ///   - method: The name of the method that will train it.
  ///   - deviation: σ of the classifier's weights.
  ///   - generator: Draws the weights.
  public init(
    inputs: Int, hiddenOutputs: [Int] = [], layout: any LogitLayout, groups: CategoryGroups, method: String,
    deviation: Double = 0.01, using generator: inout some RandomNumberGenerator
  ) {
    var inputs = inputs / layout.stageCount
    for outputs in hiddenOutputs {
      hidden.append(HiddenLayer(inputs: inputs, outputs: outputs, using: &generator))
      inputs = outputs
    }
    let count = layout.logitCount * inputs
    let values = (0..<count).map { _ in Float(deviation * standardNormal(using: &generator)) }
    weight = Matrix(rows: layout.logitCount, columns: inputs, values: values)
    bias = Array(repeating: 0, count: layout.logitCount)
    self.layout = layout
    self.groups = groups
    self.method = method
  }

  /// The length of a RoI's features: D of the lowest layer, times S. The length of a patch, 9 times the channels of the
  /// maps, where it is a dense head.
  public var inputs: Int {
    (tower.layers.first?.weight.columns ?? hidden.first?.inputs ?? weight.columns) * layout.stageCount
  }

  /// The norm ‖w_c‖₂ of every class's weight row, by class index: the mean over the stages of a cascade or the parts of a
  /// mean, the root mean square over the anchors of a location; 1 where logits are cosines, since the length has no effect
  /// there.
  public var classWeightNorms: [Double] {
    switch layout.product {
    case .cosine, .normed: return Array(repeating: 1, count: layout.classCount)
    case .linear, .linearThenCosine: break
    }
    let norms = weight.rowNorms
    if let anchors = layout.anchorsPerLocation {
      let width = layout.logitCount / anchors
      return (0..<layout.classCount).map { index in
        let squares = (0..<anchors).reduce(0.0) { sum, anchor in
          let norm = norms[anchor * width + layout.logit(ofClass: index)]
          return sum + norm * norm
        }
        return (squares / Double(anchors)).squareRoot()
      }
    }
    if let mean = layout as? MeanLayout {
      return (0..<mean.classCount).map { index in
        mean.classLogits(index).reduce(0) { $0 + norms[$1] } / Double(mean.parts.count)
      }
    }
    let (stages, width) = (layout.stageCount, layout.logitCount / layout.stageCount)
    return (0..<layout.classCount).map { index in
      (0..<stages).reduce(0) { $0 + norms[$1 * width + layout.logit(ofClass: index)] } / Double(stages)
    }
  }

  /// The shapes that the products rely on, kept whatever is assigned.
  private func checkShapes() {
    precondition(
      weight.rows == layout.logitCount && bias.count == layout.logitCount
        && weight.columns == (hidden.last?.outputs ?? weight.columns),
      "a weight [\(weight.rows), \(weight.columns)] and \(bias.count) biases do not fit the \(layout.logitCount) logits "
        + "of the head")
  }

  /// Foreground scores of RoIs.
  ///
  /// - Parameter features: [N, D].
  /// - Returns: [N, C]; of a dense head [N · A, C], the anchors of a location adjacent.
  /// - Precondition: The features have the D numbers that the head takes, `inputs`.
  public func scores(for features: Matrix<Float>) -> Matrix<Float> {
    let width = tower.isEmpty ? inputs : weight.columns
    precondition(
      features.columns == width, "the head takes \(width) features of each RoI, these have \(features.columns)")
    var logits = Matrix<Float>(rows: features.rows, columns: layout.logitCount)
    var scores = Matrix<Float>(
      rows: features.rows * (layout.anchorsPerLocation ?? 1), columns: layout.classCount)
    features.withUnsafeValues { x in
      logits.withUnsafeMutableValues { z in
        scores.withUnsafeMutableValues { s in
          guard let x = x.baseAddress, let z = z.baseAddress, let s = s.baseAddress else { return }
          self.logits(features: x, count: features.rows, into: z)
          layout.scores(logits: z, count: features.rows, into: s)
        }
      }
    }
    return scores
  }

  /// The logits of RoIs, or of the patches that the last convolution of a dense head sees.
  ///
  /// - Parameters:
  ///   - features: [count, D].
  ///   - count: N.
  ///   - logits: [count, K], overwritten.
  public func logits(features: UnsafePointer<Float>, count: Int, into logits: UnsafeMutablePointer<Float>) {
    guard let layer = hidden.first else { return classify(features, count: count, into: logits) }
    var values = [Float](repeating: 0, count: count * layer.outputs)
    layer.apply(to: features, count: count, into: &values)
    for layer in hidden.dropFirst() {
      var next = [Float](repeating: 0, count: count * layer.outputs)
      layer.apply(to: values, count: count, into: &next)
      values = next
    }
    classify(values, count: count, into: logits)
  }

  private func classify(_ features: UnsafePointer<Float>, count: Int, into logits: UnsafeMutablePointer<Float>) {
    let inputs = weight.columns
    weight.withUnsafeValues { weight in
      guard let weight = weight.baseAddress else { return }
      if layout.stageCount > 1 { return stagedLogits(features, count: count, weight: weight, into: logits) }
      if case .normed(let temperature) = layout.product {
        let none = [Float](repeating: 0, count: bias.count)
        linearLogits(features: features, count: count, inputs: inputs, weight: weight, bias: none, into: logits)
        return norm(logits, of: features, count: count, weight: weight, temperature: temperature)
      }
      linearLogits(features: features, count: count, inputs: inputs, weight: weight, bias: bias, into: logits)
      let cosines = cosineLogits
      if cosines.isEmpty { return }
      let factors = cosines.map { inverseNorm(weight + $0 * inputs, inputs) }
      for row in 0..<count {
        let factor = inverseNorm(features + row * inputs, inputs)
        let z = logits + row * bias.count
        for (column, ofColumn) in zip(cosines, factors) { z[column] = (z[column] - bias[column]) * factor * ofColumn }
      }
    }
  }

  /// From x · w to T x · w / (‖x‖ + ε) (‖w‖ + ε) + b.
  private func norm(
    _ logits: UnsafeMutablePointer<Float>, of features: UnsafePointer<Float>, count: Int, weight: UnsafePointer<Float>,
    temperature: Float
  ) {
    let inputs = self.weight.columns
    let factors = bias.indices.map { temperature * inverseLength(weight + $0 * inputs, inputs) }
    for row in 0..<count {
      let factor = inverseLength(features + row * inputs, inputs)
      let z = logits + row * bias.count
      for column in bias.indices { z[column] = z[column] * factor * factors[column] + bias[column] }
    }
  }

  /// The logits that are cosines.
  private var cosineLogits: Range<Int> {
    switch layout.product {
    case .linear, .normed: bias.count..<bias.count
    case .cosine: 0..<bias.count
    case .linearThenCosine(let linear): linear..<bias.count
    }
  }

  private func stagedLogits(
    _ features: UnsafePointer<Float>, count: Int, weight: UnsafePointer<Float>, into logits: UnsafeMutablePointer<Float>
  ) {
    let (inputs, total) = (self.weight.columns, bias.count)
    let width = total / layout.stageCount
    bias.withUnsafeBufferPointer { bias in
      guard let bias = bias.baseAddress else { return }
      for row in 0..<count { (logits + row * total).update(from: bias, count: total) }
    }
    for stage in 0..<layout.stageCount {
      Float.multiply(
        rows: count, columns: width, inner: inputs, alpha: 1,
        features + stage * inputs, stride: inputs * layout.stageCount, transposed: false,
        weight + stage * width * inputs, stride: inputs, transposed: true,
        beta: 1, into: logits + stage * width, stride: total)
    }
  }

  /// The classifier of one stage of a cascade alone; `nil` where there are no stages.
  public func stage(_ index: Int) -> LinearHead? {
    guard let staged = layout as? StagedLayout, (0..<staged.stageCount).contains(index) else { return nil }
    let rows = index * staged.base.logitCount..<(index + 1) * staged.base.logitCount
    let columns = weight.columns
    return try? LinearHead(
      weight: Matrix(
        rows: rows.count, columns: columns,
        values: Array(weight.storage[rows.lowerBound * columns..<rows.upperBound * columns])),
      bias: Array(bias[rows]), layout: staged.base, groups: groups, method: method)
  }

  /// Puts a classifier in place of one stage's.
  package mutating func setStage(_ index: Int, to part: LinearHead) {
    let first = index * part.weight.rows
    bias.replaceSubrange(first..<first + part.bias.count, with: part.bias)
    let columns = weight.columns
    weight.withUnsafeMutableValues { values in
      part.weight.withUnsafeValues { own in
        guard let values = values.baseAddress, let own = own.baseAddress else { return }
        (values + first * columns).update(from: own, count: part.weight.rows * columns)
      }
    }
  }

  /// Copies the class rows of another head, and its background where both lay it out the same way, into this one's
  /// slots; the rest stays as it is. A softmax head's background row has no place in a G0 of another kind. Hidden layers
  /// are copied too; every stage of a cascade starts from its own, or from the only one. Classes that the other head does
  /// not have stay as they are.
  ///
  /// - Parameters:
  ///   - other: The head whose rows are copied.
  ///   - matching: By what its classes are recognised.
  /// - Throws: `LinearHeadError` if the two differ in feature length, layers or stages, or have no class in common.
  public mutating func copyClasses(from other: LinearHead, matching: ClassMatching = .ids) throws {
    guard layout.anchorsPerLocation == other.layout.anchorsPerLocation else {
      func kind(_ layout: any LogitLayout) -> String {
        layout.anchorsPerLocation.map { "a dense head of \($0) anchors a location" } ?? "a head for RoIs or queries"
      }
      throw LinearHeadError(.wrongShape, "it is \(kind(other.layout)), \(kind(layout)) is expected")
    }
    let (stages, otherStages) = (layout.classifierCount, other.layout.classifierCount)
    guard otherStages == 1 || otherStages == stages else {
      throw LinearHeadError(.wrongShape, "it has \(otherStages) stages, \(stages) are expected")
    }
    guard weight.columns == other.weight.columns, hidden.map(\.inputs) == other.hidden.map(\.inputs) else {
      let layers = (hidden.map(\.outputs), other.hidden.map(\.outputs))
      throw LinearHeadError(
        .wrongShape,
        layers.0 == layers.1
          ? "it takes \(other.inputs / other.layout.stageCount) features, \(inputs / layout.stageCount) are expected"
          : "its hidden layers are \(layers.1), \(layers.0) are expected")
    }
    // The maps of a tower's output are as good for its detector's last layer as those below are for all layers.
    if !tower.isEmpty || !other.isOfDetector { tower = try tower.checkedLike(other.tower) }
    let sources = try matching.sources(of: groups, in: other.groups)
    hidden = other.hidden
    for stage in 0..<stages {
      let first = stage * (layout.logitCount / stages)
      let otherFirst = otherStages == 1 ? 0 : stage * (other.layout.logitCount / otherStages)
      for (index, source) in sources.enumerated() {
        guard let source else { continue }
        copyRow(otherFirst + other.layout.logit(ofClass: source), of: other, to: first + layout.logit(ofClass: index))
      }
      guard layout.backgroundKind == other.layout.backgroundKind else { continue }
      for (row, source) in zip(layout.backgroundLogits, other.layout.backgroundLogits) {
        copyRow(otherFirst + source, of: other, to: first + row)
      }
    }
  }

  private mutating func copyRow(_ source: Int, of other: LinearHead, to row: Int) {
    let factor = Self.factor(from: other.layout, logit: source, to: layout, logit: row)
    for column in 0..<weight.columns { weight[row, column] = other.weight[source, column] * factor }
    // A linear layer's bias belongs to logits of another size than a normed one's.
    switch (layout.product, other.layout.product) {
    case (.linear, .linear), (.normed, .normed), (.linear, .cosine), (.linear, .linearThenCosine):
      bias[row] = other.bias[source] * factor
    case (.linear, .normed), (.normed, _), (.cosine, _), (.linearThenCosine, _): break
    }
  }

  /// What a row of one layout is multiplied by so that it scores the same in the other.
  private static func factor(
    from other: any LogitLayout, logit source: Int, to layout: any LogitLayout, logit row: Int
  ) -> Float {
    let scale = layout.scale(ofLogit: row)
    return scale == 0 ? 1 : other.scale(ofLogit: source) / scale
  }
}
