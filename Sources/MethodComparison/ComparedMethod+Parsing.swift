import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets

extension ComparedMethod {
  /// Reads rows with commas between them, or `all` for every method.
  ///
  /// A row is a method with its parameters behind colons, then, behind `+`, what is added to it with its own: a sampler of
  /// images, a way to choose examples, a box regressor, a normed linear layer, a calibration, as in
  /// `bags:others-ratio=3,softmax+rfs:repeat-threshold=0.01,softmax+boxes:smooth-l1+tau-norm`. `learning-rate`,
  /// `groups` and, for feature maps, `normalizer` can stand among the method's parameters. `++` between rows averages the scores of their heads.
  ///
  /// - Throws: `ComparisonError` that says which part makes no sense, and why.
  public static func rows(_ text: String) throws -> [ComparedMethod] {
    if text == "all" { return TrainingMethod.all.map { ComparedMethod(MethodChoice(name: $0.name)) } }
    var rows: [ComparedMethod] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let row = try ComparedMethod(String(part))
      guard !rows.contains(row) else { throw ComparisonError(.badText, "\(row) stands twice") }
      rows.append(row)
    }
    return rows
  }

  /// Reads a row; see `rows(_:)`.
  ///
  /// - Throws: `ComparisonError` that says which part makes no sense, and why.
  public init(_ text: String) throws {
    guard !text.isEmpty else {
      throw ComparisonError(.badText, "a method is missing: two commas, or none of them named")
    }
    if text == Self.auto.description {
      self = .auto
      return
    }
    let heads = text.split(separator: "++", omittingEmptySubsequences: false)
    if heads.count > 1 {
      self = try Self.mean(of: heads.map { try ComparedMethod(String($0)) }, text)
      return
    }
    do {
      let parts = try text.split(separator: "+", omittingEmptySubsequences: false).map { try RowPart($0) }
      try self.init(method: parts[0])
      for part in parts.dropFirst() { try add(part) }
    } catch let error as MethodParameterError {
      throw ComparisonError(.badText, "\(text): \(error)")
    } catch let error as ComparisonError {
      throw ComparisonError(.badText, "\(text): \(error)")
    }
    if let calibration, CalibrationMethod.named(calibration.name)?.startsAnew == true,
      self != ComparedMethod(MethodChoice(name: TrainingMethod.softmax.name), calibration: calibration)
    {
      throw ComparisonError(
        .badText,
        "\(text): \(calibration.name) trains softmax anew and keeps nothing of what was trained before; it is "
          + "softmax+\(calibration.name)")
    }
  }

  private static func mean(of members: [ComparedMethod], _ text: String) throws -> ComparedMethod {
    for (place, member) in members.enumerated() {
      if members[..<place].contains(member) { throw ComparisonError(.badText, "\(text): \(member) stands twice") }
      if member.isAuto { throw ComparisonError(.badText, "\(text): auto is a row of its own, no part of a mean") }
      if member.temperature != nil || member.boxes != nil {
        throw ComparisonError(
          .badText, "\(text): \(member) cannot be part of a mean, which is of linear layers without box regressors")
      }
    }
    return .mean(of: members)
  }

  private init(method part: RowPart) throws {
    var given = part.parameters
    let rate = try given.removeValue(forKey: "learning-rate").map { value -> Double in
      guard let rate = Double(value), rate > 0, rate.isFinite else {
        throw ComparisonError(.badText, "learning-rate must be a number above 0, not '\(value)'")
      }
      return rate
    }
    let boundaries = try given.removeValue(forKey: "groups").map(Self.boundaries)
    let start = try given.removeValue(forKey: "init").map { value -> Start in
      guard value == "none" else {
        throw ComparisonError(.badText, "init can only be none, for random weights, not '\(value)'")
      }
      return .random
    }
    let normalizer = try given.removeValue(forKey: Self.normalizerName).map { text -> AnchorNormalizer in
      guard let normalizer = AnchorNormalizer(rawValue: text) else {
        let names = AnchorNormalizer.allCases.map(\.rawValue).joined(separator: ", ")
        throw ComparisonError(.badText, "normalizer must be one of \(names), not '\(text)'")
      }
      return normalizer
    }
    if part.name == Self.ownHead.method.name {
      guard part.parameters.isEmpty else {
        throw ComparisonError(
          .badText, "\(part.name) is the head that was given; only calibrations can be added")
      }
      self = .ownHead
      return
    }
    // Checks names and values; only what was given is kept, the defaults go without saying.
    let parameters = try part.chosen(TrainingMethod.self, given).parameters
    if boundaries != nil, parameters.values["others-ratio"] == nil {
      throw ComparisonError(.badText, "\(part.name) has no groups, so groups= would change nothing")
    }
    self.init(MethodChoice(name: part.name, parameters: given), learningRate: rate, boundaries: boundaries)
    if let start { self.start = start }
    self.normalizer = normalizer
  }

  private mutating func add(_ part: RowPart) throws {
    func once(_ isFree: Bool, _ rule: String) throws {
      if !isFree { throw ComparisonError(.badText, rule) }
    }
    let choice = MethodChoice(name: part.name, parameters: part.parameters)
    if isOwnHead, CalibrationMethod.named(part.name) == nil {
      throw ComparisonError(
        .badText, "\(method.name) is not trained; only calibrations can be added to it")
    }
    if part.name == BoxChoice.rowName {
      try once(boxes == nil, "one box regressor at most")
      boxes = try BoxChoice(part)
    } else if part.name == Self.normedName {
      try once(temperature == nil, "one layer at most is trained")
      try setTemperature(part)
    } else if let way = RoIMiningMethod.named(part.name) {
      try once(mining == nil, "one way at most decides which RoIs are trained on")
      _ = try part.chosen(RoIMiningMethod.self)
      if TrainingMethod.named(method.name)?.needsInitialHead == true, way.needsMiningHead {
        throw ComparisonError(
          .badText, "\(method.name) starts from another head and \(part.name) mines one; together they are not offered")
      }
      mining = choice
    } else if ImageSamplingMethod.named(part.name) != nil {
      try once(sampler == nil, "one sampler at most decides which images are visited")
      _ = try part.chosen(ImageSamplingMethod.self)
      sampler = choice
    } else if CalibrationMethod.named(part.name) != nil {
      try once(calibration == nil, "one calibration at most")
      _ = try part.chosen(CalibrationMethod.self)
      if isOwnHead {
        calibration = choice
        return
      }
      try checkCalibration(named: part.name)
      calibration = choice
    } else {
      let names = Set(
        ImageSamplingMethod.all.map(\.name) + RoIMiningMethod.all.map(\.name) + CalibrationMethod.all.map(\.name)
          + [BoxChoice.rowName, Self.normedName]
      ).sorted()
      let hint = closest(to: part.name, among: names).map { "; did you mean \($0)?" } ?? ""
      throw ComparisonError(
        .badText, "nothing called '\(part.name)' can be added, only \(names.joined(separator: ", "))\(hint)")
    }
    do {
      try recipe(TrainingSettings()).validate()
    } catch let error as TrainingRecipeError {
      throw ComparisonError(.badText, error.description)
    }
  }

  private static let normedName = "normed"

  /// Reads `normed:temperature=20`, and whether the method's loss goes with such a layer.
  private mutating func setTemperature(_ part: RowPart) throws {
    var given = part.parameters
    let text = given.removeValue(forKey: "temperature") ?? "\(NormedLayout.usualTemperature)"
    guard given.isEmpty else { throw ComparisonError(.badText, "normed has one parameter, temperature") }
    guard let value = Double(text), value > 0, value <= 1e6 else {
      throw ComparisonError(.badText, "temperature must be a number above 0, at most 1000000, not '\(text)'")
    }
    temperature = value
    let (trained, parameters) = try TrainingMethod.chosen(method)
    let groups = try CategoryGroups(counts: [CategoryCount(id: 1, name: "", instances: 1, images: 1)])
    let objective = trained.objective(MethodData(groups: groups, imageCount: 2), parameters)
    var architecture = HeadArchitecture()
    architecture.temperature = value
    if let fault = architecture.fault(with: objective, setStages: 1, inputs: 1) {
      throw ComparisonError(.badText, fault)
    }
  }

  /// Whether a calibration goes with the method: it is tried on a head of two classes, with few epochs and else with what
  /// it has by default, since the values given are for another number of classes and examples.
  private func checkCalibration(named name: String) throws {
    let groups = try CategoryGroups(
      counts: (1...2).map { CategoryCount(id: $0, name: "", instances: 1, images: 1) })
    let (trained, parameters) = try TrainingMethod.chosen(method)
    let objective = trained.objective(MethodData(groups: groups, imageCount: 2), parameters)
    var generator = SeededGenerator(seed: 0)
    let head = LinearHead(
      inputs: 2, layout: try recipe(TrainingSettings()).architecture.layout(of: objective), groups: groups,
      method: trained.name, using: &generator)
    var source = RoIArrays(
      features: [1, 0, 0, 1, 1, 1], featureCount: 2, labels: [0, 1, -1], roisPerImage: [3])
    source.annotations = LVISDataset(images: [], categories: [], annotations: [])
    let calibration = try CalibrationRecipe(MethodChoice(name: name))
    do {
      _ = try calibration.shortened(to: 1, of: calibration.epochs).calibrate(head, on: source)
    } catch let error as LinearHeadError {
      throw ComparisonError(.badText, "\(name): \(error)")
    }
  }

  /// Boundaries with `/` for their comma and colon, which divide rows and parameters here.
  private static func boundaries(_ text: String) throws -> GroupBoundaries {
    let boundaries = GroupBoundaries(text.replacing("auto/", with: "auto:").replacing("/", with: ","))
    let isAscending =
      switch boundaries {
      case .counts(let values): zip([0] + values, values).allSatisfy(<)
      case .naturalBreaks: true
      case nil: false
      }
    guard let boundaries, isAscending else {
      throw ComparisonError(
        .badText,
        "groups must be ascending boundaries with / between them, such as 10/100/1000, or auto/4, not '\(text)'")
    }
    return boundaries
  }
}

/// A name, and parameters behind colons.
private struct RowPart {
  let name: String
  /// What stands behind a colon without a value, such as the name of a box loss.
  var words: [String] = []
  var parameters: [String: String] = [:]

  init(_ text: Substring) throws {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    name = parts[0]
    guard !name.isEmpty else { throw ComparisonError(.badText, "a name is missing before or behind + or :") }
    for part in parts.dropFirst() {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      if sides.count == 1, name == BoxChoice.rowName, !part.isEmpty {
        words.append(part)
        continue
      }
      guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else {
        throw ComparisonError(.badText, "'\(part)' is no parameter: write \(name):name=value")
      }
      guard parameters.updateValue(sides[1], forKey: sides[0]) == nil else {
        throw ComparisonError(.badText, "\(sides[0]) is given twice")
      }
    }
  }

  func chosen<Method: NamedMethod>(
    _ kind: Method.Type, _ parameters: [String: String]? = nil
  ) throws -> (method: Method, parameters: MethodParameters) {
    try Method.chosen(MethodChoice(name: name, parameters: parameters ?? self.parameters))
  }
}

extension BoxChoice {
  fileprivate static let rowName = "boxes"

  /// What stands behind `boxes`: the loss, its parameters, and the options of the regressor.
  fileprivate init(_ part: RowPart) throws {
    guard part.words.count == 1 else {
      let names = BoxLossMethod.all.map(\.name)
      throw ComparisonError(
        .badText, "boxes names one box loss, as in boxes:\(names[0]); there are \(names.joined(separator: ", "))")
    }
    var given = part.parameters
    func word<Value: RawRepresentable & CaseIterable>(_ name: String, default value: Value) throws -> Value
    where Value.RawValue == String {
      guard let text = given.removeValue(forKey: name) else { return value }
      guard let value = Value(rawValue: text) else {
        let words = Value.allCases.map(\.rawValue)
        throw ComparisonError(.badText, "\(name) must be one of \(words.joined(separator: ", ")), not '\(text)'")
      }
      return value
    }
    let classes = try word("box-classes", default: BoxRegressor.Classes.agnostic)
    let convention = try word("box-targets", default: BoxCoder.Convention.standard)
    let weight = given.removeValue(forKey: "box-loss-weight") ?? "1"
    guard let lossWeight = Double(weight), (1e-9...1e9).contains(lossWeight) else {
      throw ComparisonError(.badText, "box-loss-weight must be a number from 1e-9 to 1e9, not '\(weight)'")
    }
    let loss = MethodChoice(name: part.words[0], parameters: given)
    _ = try BoxLossMethod.chosen(loss)
    self.init(loss: loss, classes: classes, convention: convention, lossWeight: lossWeight)
  }
}

extension TunedParameter {
  /// Reads parameters with commas between them, with values to try where they are given: `others-ratio,tau=0.5/1/2`.
  /// `learning-rate`, which is always tuned, may stand among them.
  ///
  /// - Parameters:
  ///   - text: The list.
  ///   - rows: What is compared; at least one of them must have each parameter.
  /// - Throws: `ComparisonError` that says which part makes no sense, and why.
  public static func list(_ text: String, of rows: [ComparedMethod]) throws -> [TunedParameter] {
    let declared = rows.flatMap { row in
      (TrainingMethod.named(row.method.name)?.parameters ?? [])
        + (row.calibration.flatMap { CalibrationMethod.named($0.name) }?.parameters ?? [])
    }
    return try text.split(separator: ",", omittingEmptySubsequences: false).filter { $0 != "learning-rate" }
      .map { part in
        let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
        let name = sides.first ?? ""
        let known = declared.filter { $0.name == name }
        guard !known.isEmpty else {
          let hint = closest(to: name, among: Set(declared.map(\.name)).sorted()).map { "; did you mean \($0)?" } ?? ""
          throw ComparisonError(.badText, "none of the methods has a parameter '\(name)'\(hint)")
        }
        let values = sides.count > 1 ? sides[1].split(separator: "/").map(String.init) : nil
        if let wrong = values?.first(where: { value in !known.contains { $0.allows(value) } }) {
          throw ComparisonError(.badText, "\(name) must be \(known[0].allowed), not '\(wrong)'")
        }
        if values?.isEmpty == true {
          throw ComparisonError(.badText, "\(name)= names no values, such as \(name)=1/2/4")
        }
        return TunedParameter(name: name, values: values)
      }
  }
}
