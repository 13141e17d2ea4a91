import DetectionHeads
import HeadLosses

/// What is trained beside one linear layer.
public struct HeadArchitecture: Sendable, Equatable, Codable {
  /// The outputs of the layers between features and classifier, the lowest first; each with ReLU.
  public var hidden: [Int] = []
  /// The weight of each stage's loss in a cascade; one number where there is one stage.
  public var stageWeights: [Double] = [1]
  /// T of a normed linear layer, whose logits are T cos(x, w) + b; `nil` for a linear one. See ``NormedLayout``.
  public var temperature: Double?

  /// One linear layer.
  public init() {}

  /// S.
  public var stageCount: Int { stageWeights.count }

  /// What cannot be trained, in one line; `nil` for an architecture that can.
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

  /// The loss of all stages.
  public func objective(_ stage: any HeadObjective) -> any HeadObjective {
    stageCount == 1 ? stage : StagedObjective(stage, weights: stageWeights)
  }
}
