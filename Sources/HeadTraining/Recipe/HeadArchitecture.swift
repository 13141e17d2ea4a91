import DetectionHeads
import HeadLosses

/// The layers of a head: those below the classifier, and the stages of a cascade. The default is one linear layer on the
/// features.
public struct HeadArchitecture: Sendable, Equatable, Codable {
  /// The outputs of the layers between features and classifier, the lowest first, each with ReLU; none by default.
  public var hidden: [Int]
  /// The weight of each stage's loss in a cascade; `[1]`, one stage, by default.
  public var stageWeights: [Double]
  /// The temperature T of a normed linear layer, whose logits are T cos(x, w) + b; `nil`, the default, for a linear one.
  /// See ``NormedLayout``.
  public var temperature: Double?
  /// The convolutions below the last one of a dense head; `nil`, the default, for none. Other heads have none.
  public var tower: TowerArchitecture?

  /// Describes a head; it is one linear layer unless something is stated.
  ///
  /// - Parameters:
  ///   - hidden: The outputs of the layers below the classifier, the lowest first.
  ///   - stageWeights: The weight of each stage's loss; hidden layers and several stages are not trained together.
  ///   - temperature: The temperature of a normed linear layer; `nil` for a linear one.
  ///   - tower: The convolutions below the last one of a dense head.
  public init(
    hidden: [Int] = [], stageWeights: [Double] = [1], temperature: Double? = nil, tower: TowerArchitecture? = nil
  ) {
    self.temperature = temperature
    self.tower = tower
    self.hidden = hidden
    self.stageWeights = stageWeights
  }

  /// S, the number of stages; each has a classifier and features of its own.
  public var stageCount: Int { stageWeights.count }

  /// The reason why the architecture cannot be trained, in one line; `nil` where it can.
  ///
  /// - Parameters:
  ///   - objective: The loss of one stage.
  ///   - setStages: The stages that the feature set has features of.
  ///   - inputs: The numbers of each RoI.
  public func fault(with objective: any HeadObjective, setStages: Int, inputs: Int) -> String? {
    if stageCount != setStages {
      return setStages == 1
        ? "\(stageCount) stages need features of each, [N, \(stageCount), D]; these are [N, D]"
        : "the features are of \(setStages) stages, not of \(stageCount)"
    }
    guard self != HeadArchitecture() else { return nil }
    let weights = zip([inputs] + hidden, hidden).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    if weights > 0x1p30 { return "hidden layers of \(hidden) would have more than 2^30 weights" }
    if let temperature {
      guard temperature > 0, temperature <= 1e6 else { return "the temperature must be above 0 and at most 1000000" }
      guard hidden.isEmpty, stageCount == 1 else {
        return "a normed linear layer is not trained together with hidden layers or several stages"
      }
      return objective.trainsNormedHeads
        ? nil : "a normed linear layer needs a loss that trains all logits of a linear one"
    }
    if stageCount > 1 && !hidden.isEmpty { return "hidden layers and several stages are not trained together" }
    return objective.trainsDeepHeads
      ? nil
      : "hidden layers and stages need logits that are linear in the features, and a loss that trains all of them and "
        + "makes no features"
  }

  /// The layout of the head that a loss trains.
  public func layout(of objective: any HeadObjective) -> any LogitLayout {
    temperature.map { NormedLayout(objective.layout, temperature: Float($0)) } ?? objective.layout
  }

  /// The loss of all stages: the sum of theirs, each times its weight.
  ///
  /// - Parameter stage: The loss of one stage.
  public func objective(_ stage: any HeadObjective) -> any HeadObjective {
    stageCount == 1 ? stage : StagedObjective(stage, weights: stageWeights)
  }
}
