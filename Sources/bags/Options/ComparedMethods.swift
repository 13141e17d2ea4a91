import ArgumentParser
import BalancedGroupSoftmax

/// What `bags compare --methods` says: rows with commas between them, or `all`.
///
/// A row is a method with its parameters behind colons, then, behind `+`, a sampler of images, a way to choose RoIs
/// and a calibration with their own: `bags:others-ratio=3,softmax+rfs:repeat-threshold=0.01,softmax+ohem+tau-norm`.
/// `learning-rate` and `groups` can stand among the method's parameters.
///
/// - Throws: `ValidationError` that says which part makes no sense, and why.
func comparedMethods(_ text: String) throws -> [ComparedMethod] {
  if text == "all" { return TrainingMethod.all.map { ComparedMethod(MethodChoice(name: $0.name)) } }
  var rows: [ComparedMethod] = []
  for part in text.split(separator: ",", omittingEmptySubsequences: false) {
    let row = try comparedMethod(String(part))
    guard !rows.contains(row) else { throw ValidationError("--methods: \(row) stands twice") }
    rows.append(row)
  }
  return rows
}

private func comparedMethod(_ text: String) throws -> ComparedMethod {
  let parts = text.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
  var (name, given) = try nameAndParameters(parts[0], in: text)
  let rate = try given.removeValue(forKey: "learning-rate").map { value -> Double in
    guard let rate = Double(value), rate > 0, rate.isFinite else {
      throw ValidationError("--methods: \(text): learning-rate must be a number above 0, not '\(value)'")
    }
    return rate
  }
  let boundaries = try given.removeValue(forKey: "groups").map { try groupBoundaries($0, in: text) }
  // Checks names and values; only what was given is kept, the defaults go without saying.
  let choice = try inRow(text) { try chosen(name, of: TrainingMethod.all, as: "method", parameters: given) }
  if boundaries != nil, !choice.parameters.keys.contains("others-ratio") {
    throw ValidationError("--methods: \(text): \(name) has no groups, so groups= would change nothing")
  }
  var row = ComparedMethod(MethodChoice(name: name, parameters: given), learningRate: rate, boundaries: boundaries)
  for part in parts.dropFirst() {
    let (name, given) = try nameAndParameters(part, in: text)
    if ImageSamplingMethod.named(name) != nil, RoIMiningMethod.named(name) == nil {
      guard row.sampler == nil else {
        throw ValidationError("--methods: \(text): one sampler at most decides which images are visited")
      }
      row.sampler = try inRow(text) {
        _ = try chosen(name, of: ImageSamplingMethod.all, as: "sampler", parameters: given)
        return MethodChoice(name: name, parameters: given)
      }
    } else if CalibrationMethod.named(name) != nil {
      guard row.calibration == nil else {
        throw ValidationError("--methods: \(text): one calibration at most")
      }
      row.calibration = try inRow(text) { try calibration(name, parameters: given, of: choice) }
    } else {
      guard row.mining == nil else {
        throw ValidationError("--methods: \(text): one way at most decides which RoIs are trained on")
      }
      row.mining = try inRow(text) { try mining(name, parameters: given, of: choice) }
    }
  }
  if let calibration = row.calibration, CalibrationMethod.named(calibration.name)?.startsAnew == true,
    row.method.name != TrainingMethod.softmax.name || row.sampler != nil || row.mining != nil
  {
    throw ValidationError(
      "--methods: \(text): \(calibration.name) trains softmax anew and keeps nothing of what was trained before; it is "
        + "softmax+\(calibration.name)")
  }
  return row
}

/// A calibration that goes with a method: it is tried on a head of two classes.
private func calibration(
  _ name: String, parameters given: [String: String], of method: MethodChoice
) throws -> MethodChoice {
  _ = try chosen(name, of: CalibrationMethod.all, as: "calibration", parameters: given)
  guard let way = CalibrationMethod.named(name), let trained = TrainingMethod.named(method.name) else {
    throw ValidationError("there is no such calibration")
  }
  let groups = try CategoryGroups(
    counts: (1...2).map { CategoryCount(id: $0, name: "", instances: 1, images: 1) })
  let objective = trained.objective(
    MethodData(groups: groups, imageCount: 2), try MethodParameters(method.parameters, of: trained))
  var generator = SeededGenerator(seed: 0)
  var head = LinearHead(
    inputs: 2, layout: objective.layout, groups: groups, method: trained.name, using: &generator)
  (objective as? any HeadInitializingObjective)?.initialize(&head)
  let source = RoIArrays(
    features: [1, 0, 0, 1, 1, 1], featureCount: 2, labels: [0, 1, -1], roisPerImage: [3])
  // With few epochs, else with what it has by default: those given are for another number of classes and RoIs.
  let parameters = way.parameters.contains { $0.name == "epochs" } ? ["epochs": "1"] : [:]
  do {
    _ = try way(head, parameters: MethodParameters(parameters, of: way), data: CalibrationData(source: source))
  } catch let error as LinearHeadError {
    throw ValidationError("\(name): \(error)")
  }
  return MethodChoice(name: name, parameters: given)
}

/// A way to choose RoIs that goes with a method.
private func mining(
  _ name: String, parameters given: [String: String], of method: MethodChoice
) throws -> MethodChoice {
  guard let way = RoIMiningMethod.named(name) else {
    let names = Set(
      ImageSamplingMethod.all.map(\.name) + RoIMiningMethod.all.map(\.name) + CalibrationMethod.all.map(\.name)
    ).sorted()
    let hint = closest(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
    throw ValidationError("nothing called '\(name)' can be added, only \(names.joined(separator: ", "))\(hint)")
  }
  _ = try chosen(name, of: [way], as: "mining", parameters: given)
  if let trained = TrainingMethod.named(method.name) {
    if trained.needsInitialHead, way.needsMiningHead {
      throw ValidationError(
        "\(method.name) starts from another head and \(name) mines one; together they are not offered")
    }
    if let reason = way.refusal(for: trained) {
      throw ValidationError(reason)
    }
  }
  return MethodChoice(name: name, parameters: given)
}

private func nameAndParameters(_ part: String, in row: String) throws -> (name: String, parameters: [String: String]) {
  let words = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
  let name = words[0]
  guard !name.isEmpty else {
    throw ValidationError(
      row.isEmpty
        ? "--methods: a method is missing: two commas, or none of them named"
        : "--methods: \(row): a name is missing before or behind + or :")
  }
  var parameters: [String: String] = [:]
  for word in words.dropFirst() {
    let sides = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else {
      throw ValidationError("--methods: \(row): '\(word)' is no parameter: write \(name):name=value")
    }
    guard parameters.updateValue(sides[1], forKey: sides[0]) == nil else {
      throw ValidationError("--methods: \(row): \(sides[0]) is given twice")
    }
  }
  return (name, parameters)
}

/// Boundaries as `--groups` takes them, with `/` for its comma and colon, which divide rows and parameters here.
private func groupBoundaries(_ text: String, in row: String) throws -> GroupBoundaries {
  let boundaries = GroupBoundaries(text.replacing("auto/", with: "auto:").replacing("/", with: ","))
  let isAscending =
    switch boundaries {
    case .counts(let values): zip([0] + values, values).allSatisfy(<)
    case .naturalBreaks: true
    case nil: false
    }
  guard let boundaries, isAscending else {
    throw ValidationError(
      "--methods: \(row): groups must be ascending boundaries with / between them, such as 10/100/1000, or auto/4, not "
        + "'\(text)'")
  }
  return boundaries
}

/// Says in which row something is wrong.
private func inRow<Result>(_ row: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as ValidationError {
    throw ValidationError("--methods: \(row): \(error.message)")
  }
}

/// What `--tune` says: parameters with commas between them, with values to try where they are given:
/// `others-ratio,tau=0.5/1/2`. `learning-rate`, which is always tuned, may stand among them.
///
/// - Parameter declared: What at least one of the methods has.
/// - Throws: `ValidationError`.
func tunedParameters(_ text: String, among declared: [MethodParameter]) throws -> [TunedParameter] {
  try text.split(separator: ",", omittingEmptySubsequences: false).map(String.init).filter { $0 != "learning-rate" }
    .map { part in
      let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
      let name = sides.first ?? ""
      let known = declared.filter { $0.name == name }
      guard !known.isEmpty else {
        let names = Set(declared.map(\.name)).sorted()
        let hint = closest(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
        throw ValidationError("--tune: none of the methods has a parameter '\(name)'\(hint)")
      }
      let values = sides.count > 1 ? sides[1].split(separator: "/").map(String.init) : nil
      if let values {
        if let wrong = values.first(where: { value in !known.contains { $0.allows(value) } }) {
          throw ValidationError("--tune: \(name) must be \(known[0].allowed), not '\(wrong)'")
        }
        guard !values.isEmpty else { throw ValidationError("--tune: \(name)= names no values, such as \(name)=1/2/4") }
      }
      return TunedParameter(name: name, values: values)
    }
}
