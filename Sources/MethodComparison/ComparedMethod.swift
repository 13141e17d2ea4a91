import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets

/// A row of a comparison: a method, and what is added to it or changed about it.
///
/// `bags compare` reads it as `description` writes it: the method and its parameters, then what is added to it
/// with its own, such as `bags:others-ratio=3` or `softmax:learning-rate=0.1+rfs:repeat-threshold=0.01`.
public struct ComparedMethod: Sendable, Equatable {
  /// The method, with the parameters that are not as they are by default.
  public var method: MethodChoice
  /// The learning rate of the method; `nil` for the comparison's, or the one that tuning picks.
  public var learningRate: Double?
  /// The boundaries of the method's groups; `nil` for the comparison's groups.
  public var boundaries: GroupBoundaries?
  /// The sampler of the images that an epoch visits; `nil` for each once.
  public var sampler: MethodChoice?
  /// The way to choose the RoIs of a batch that are trained on; `nil` for all.
  public var mining: MethodChoice?
  /// The box regressor that is trained beside the classifier, and then places the detections; `nil` for none.
  public var boxes: BoxChoice?
  /// The divisor of the loss of a dense head; `nil` for the usual one, and for RoIs.
  public var normalizer: AnchorNormalizer?
  /// The temperature of the normed linear layer that it is trained with; `nil` for a linear one. See ``NormedLayout``.
  public var temperature: Double?
  /// The calibration of the head after training; `nil` for none.
  public var calibration: MethodChoice?
  /// What its weights start from.
  public var start = Start.usual
  /// The rows whose heads' scores it averages, each trained on its own; none for a row that is trained itself. See
  /// ``MeanLayout``.
  public private(set) var members: [ComparedMethod] = []

  /// What the weights of a training start from.
  public enum Start: Sendable {
    /// The detector's own head, in a comparison that has it, else random weights.
    case usual
    /// Random weights, whatever there is.
    case random
    /// The detector's own head.
    case ownHead
  }

  /// Makes a row; what is not stated is the comparison's, or is done without.
  public init(
    _ method: MethodChoice, learningRate: Double? = nil, boundaries: GroupBoundaries? = nil,
    sampler: MethodChoice? = nil, mining: MethodChoice? = nil, boxes: BoxChoice? = nil,
    calibration: MethodChoice? = nil
  ) {
    self.method = method
    self.learningRate = learningRate
    self.boundaries = boundaries
    self.sampler = sampler
    self.mining = mining
    self.boxes = boxes
    self.calibration = calibration
  }

  /// The row that is trained by a recipe; its settings and architecture are the comparison's, and it has no
  /// adversary.
  public init(_ recipe: TrainingRecipe) {
    self.init(recipe.method, sampler: recipe.sampler, mining: recipe.mining, boxes: recipe.boxes)
    temperature = recipe.architecture.temperature
    normalizer = recipe.normalizer == .positives ? nil : recipe.normalizer
  }
}

extension ComparedMethod: CustomStringConvertible {
  /// The row as it is named in tables and typed on the command line.
  public var description: String {
    if isMean { return members.map(\.description).joined(separator: "++") }
    var text = method.notation
    if start == .random { text += ":init=none" }
    // Commas and colons divide rows and parameters.
    if let boundaries {
      text += ":groups=" + boundaries.description.replacing(",", with: "/").replacing(":", with: "/")
    }
    if let normalizer { text += ":\(Self.normalizerName)=\(normalizer.rawValue)" }
    if let learningRate { text += ":learning-rate=\(settingText(learningRate))" }
    let normed = temperature.map { "normed:temperature=\(settingText($0))" }
    let added = [sampler?.notation, mining?.notation, boxes?.notation, normed, calibration?.notation]
    return ([text] + added.compactMap { $0 }).joined(separator: "+")
  }
}

extension MethodChoice {
  /// `name:parameter=value`, parameters by name.
  var notation: String {
    ([name] + parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }).joined(separator: ":")
  }
}

extension BoxChoice {
  /// `boxes:loss:parameter=value`, what is as by default left out.
  fileprivate var notation: String {
    var text = "boxes:\(loss.notation)"
    if classes != .agnostic { text += ":box-classes=\(classes.rawValue)" }
    if convention != .standard { text += ":box-targets=\(convention.rawValue)" }
    if lossWeight != 1 { text += ":box-loss-weight=\(settingText(lossWeight))" }
    return text
  }
}

extension ComparedMethod {
  /// The row whose heads it needs: those that it starts from, calibrates, or whose mistakes it trains on; `nil` where it
  /// needs none.
  public var base: ComparedMethod? {
    if isMean { return nil }
    if calibration != nil {
      var base = self
      base.calibration = nil
      return base
    }
    if isOwnHead { return nil }
    if needsMiningHead {
      var base = self
      base.mining = nil
      return base
    }
    if start == .ownHead { return .ownHead }
    guard TrainingMethod.named(method.name)?.needsInitialHead == true else { return nil }
    var base = ComparedMethod(MethodChoice(name: TrainingMethod.softmax.name))
    base.start = start
    return base
  }

  /// The mean of the heads of several rows.
  ///
  /// - Precondition: There are two or more, none of them a mean.
  public static func mean(of members: [ComparedMethod]) -> ComparedMethod {
    precondition(members.count > 1 && members.allSatisfy { !$0.isMean }, "a mean is of two heads or more")
    var row = ComparedMethod(MethodChoice(name: meanName))
    row.members = members
    return row
  }

  static let meanName = "mean"

  /// The winner of a race; see ``Race``.
  public static let auto = ComparedMethod(MethodChoice(name: "auto"))

  /// Whether it stands for the winner of a race.
  public var isAuto: Bool { method == Self.auto.method }

  /// Whether it averages the heads of other rows.
  public var isMean: Bool { !members.isEmpty }

  /// The detector's own head as it is: nothing is trained.
  public static let ownHead = ComparedMethod(MethodChoice(name: "own-head"))

  /// Whether what is scored, or calibrated, is the detector's own head.
  var isOwnHead: Bool { method.name == Self.ownHead.method.name }

  /// The row in a comparison with the detector's own head: it starts from that unless it says otherwise.
  func starting(fromOwnHead hasOwnHead: Bool) -> ComparedMethod {
    var row = self
    row.members = members.map { $0.starting(fromOwnHead: hasOwnHead) }
    if hasOwnHead, start == .usual, !isOwnHead, !isMean { row.start = .ownHead }
    return row
  }

  /// Rows that it needs, those that they need first.
  var bases: [ComparedMethod] {
    let direct = isMean ? members : base.map { [$0] } ?? []
    return direct.flatMap { $0.bases + [$0] }.reduce(into: []) { all, row in
      if !all.contains(row) { all.append(row) }
    }
  }

  /// Whether its training needs a head whose mistakes it trains on.
  var needsMiningHead: Bool {
    mining.flatMap { RoIMiningMethod.named($0.name) }?.needsMiningHead == true
  }

  /// A head of its base in the place where it is needed.
  ///
  /// - Parameters:
  ///   - base: The head of the base.
  ///   - own: The detector's own head, where there is one.
  func prerequisites(_ base: TrainedHead?, own: TrainedHead?) -> PrerequisiteHeads {
    let own = start == .ownHead ? own : nil
    guard calibration == nil, needsMiningHead else {
      return PrerequisiteHeads(initial: base?.head, boxRegressor: own?.boxRegressor, boxBranch: own?.boxBranch)
    }
    return PrerequisiteHeads(
      initial: own?.head, boxRegressor: own?.boxRegressor, boxBranch: own?.boxBranch, mining: base?.head)
  }

  /// What its own work is: the calibration's where there is one, else the method's.
  var ownChoice: MethodChoice {
    get { calibration ?? method }
    set { if calibration == nil { method = newValue } else { calibration = newValue } }
  }

  /// The parameters of its own work.
  var ownParameters: [MethodParameter] {
    calibration.map { CalibrationMethod.named($0.name)?.parameters ?? [] }
      ?? TrainingMethod.named(method.name)?.parameters ?? []
  }

  /// Whether its own work has a learning rate that it does not state.
  var hasFreeLearningRate: Bool {
    guard let calibration else { return learningRate == nil && !isOwnHead && !isMean }
    return calibration.parameters[Self.rateName] == nil && ownParameters.contains { $0.name == Self.rateName }
  }

  /// Where the search for its learning rate begins.
  func firstLearningRate(_ settings: TrainingSettings) -> Double {
    guard calibration != nil else { return settings.learningRate }
    return ownParameters.first { $0.name == Self.rateName }.flatMap { Double($0.defaultValue) } ?? settings.learningRate
  }

  /// With a learning rate and parameters of its own work.
  func with(learningRate: Double, parameters: [String: String]) -> ComparedMethod {
    var row = self
    row.ownChoice.parameters = parameters
    if calibration == nil {
      row.learningRate = learningRate
    } else if hasFreeLearningRate {
      row.calibration?.parameters[Self.rateName] = settingText(learningRate)
    }
    return row
  }

  /// Whether its parameters go together.
  var isValid: Bool {
    (isOwnHead || isMean || (try? recipe(TrainingSettings()).validate()) != nil)
      && (calibration.map { (try? CalibrationRecipe($0)) != nil } ?? true)
  }

  /// The epochs of its own work in a training of so many.
  func ownEpochs(_ settings: TrainingSettings) throws -> Int {
    guard let calibration else { return isOwnHead || isMean ? 0 : settings.epochs }
    return try CalibrationRecipe(calibration, settings: settings).epochs
  }

  private static let rateName = "learning-rate"
  static let normalizerName = "normalizer"

  /// The recipe of its training; of a calibrated row, of the training before.
  ///
  /// - Parameters:
  ///   - settings: The settings; a learning rate that the row states takes the place of theirs.
  ///   - architecture: Layers below the classifier, and stages.
  ///   - source: What is trained on; anchors have other defaults than RoIs. `nil` for those of RoIs.
  /// - Throws: `MethodParameterError` for a method that is not known, or a parameter that it cannot take.
  public func recipe(
    _ settings: TrainingSettings, architecture: HeadArchitecture = HeadArchitecture(), on source: (any RoISource)? = nil
  ) throws -> TrainingRecipe {
    var settings = settings
    var architecture = architecture
    architecture.temperature = temperature ?? architecture.temperature
    settings.learningRate = learningRate ?? settings.learningRate
    let parameters = try TrainingMethod.chosen(method).parameters
    var boxes = boxes
    if let loss = boxes?.loss { boxes?.loss.parameters = try BoxLossMethod.chosen(loss).parameters.values }
    let recipe = TrainingRecipe(
      MethodChoice(name: method.name, parameters: parameters.values), sampler: sampler, mining: mining, boxes: boxes,
      architecture: architecture, settings: settings, normalizer: normalizer)
    return try source.map { try recipe.withDefaults(for: $0, keeping: method.parameters.keys) } ?? recipe
  }

  /// The groups that it is trained with.
  func groups(of groups: CategoryGroups) throws -> CategoryGroups {
    guard let boundaries else { return groups }
    return try CategoryGroups(
      counts: groups.members.map {
        CategoryCount(id: $0.id, name: $0.name, instances: $0.instanceCount, images: $0.imageCount)
      }, boundaries: boundaries, countedBy: groups.countedBy, countsSource: groups.countsSource)
  }
}
