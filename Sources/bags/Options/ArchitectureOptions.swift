import ArgumentParser
import BalancedGroupSoftmax

/// The layers below the classifier, the stages of a cascade, the convolutions of a dense head.
struct ArchitectureOptions: ParsableArguments {
  @Option(
    help: .init(
      "Train layers of these sizes, with ReLU, below the classifier: 1024,1024 is a two-layer box head, for pooled "
        + "features (256 × 7 × 7 = 12,544 numbers a RoI).",
      valueName: "sizes"))
  var hidden = IntegerList([])

  @Option(
    help: .init(
      "Train the classifiers of a cascade together, on features [N, S, D]; their logits are averaged (default: the "
        + "stages that the features have).",
      valueName: "S"))
  var stages: Int?

  @Option(help: .init("The weight of each stage's loss (default: 1,0.5,0.25,…, as in Cascade R-CNN).", valueName: "λ"))
  var stageWeights: NumberList?

  @Option(
    help: .init(
      "Train a normed linear layer: logits are T times the cosine of feature and row, plus a bias, as the authors of "
        + "Seesaw, ECM and FRACAL have it with T 20.",
      valueName: "T"))
  var normed: Double?

  @Option(
    help: .init(
      "Feature maps: the 3 × 3 convolutions below the last one, with ReLU, that are trained too (default: as many as the "
        + "set says its maps stand below, 4 for a pyramid's, 0 for a tower's output). --init must have as many.",
      valueName: "layers"))
  var tower: Int?

  @Option(
    help: .init(
      "The groups of GroupNorm behind each of these convolutions, 0 for none (default: as in --init, else 0). Detectors' "
        + "own files do not say how many they have: 32 in most.",
      valueName: "groups"))
  var normGroups: Int?

  func validate() throws {
    if let tower, !(0...8).contains(tower) { throw ValidationError("--tower must be from 0 to 8") }
    if let normGroups, !(0...1 << 16).contains(normGroups) {
      throw ValidationError("--norm-groups must be from 0 to 65536")
    }
    if let normed, !(normed > 0 && normed <= 1e6) { throw ValidationError("--normed must be above 0, at most 1000000") }
    guard hidden.values.allSatisfy({ (1...1 << 20).contains($0) }) && hidden.values.count <= 8 else {
      throw ValidationError("--hidden takes up to 8 sizes from 1 to 1048576")
    }
    if let stages, !(1...16).contains(stages) { throw ValidationError("--stages must be from 1 to 16") }
    if let stageWeights {
      guard stageWeights.values.allSatisfy({ $0 > 0 && $0.isFinite }) else {
        throw ValidationError("--stage-weights must be above 0")
      }
      if let stages, stages != stageWeights.values.count {
        throw ValidationError("--stage-weights has \(stageWeights.values.count) numbers for \(stages) stages")
      }
    }
  }

  /// The architecture for a set with features of so many stages.
  func architecture(setStages: Int) -> HeadArchitecture {
    var result = HeadArchitecture()
    result.hidden = hidden.values
    result.stageWeights =
      stageWeights?.values ?? (0..<(stages ?? setStages)).map { 1 / Double(1 << $0) }
    result.temperature = normed
    result.tower = tower.map { TowerArchitecture(layers: $0, normGroups: normGroups) }
    return result
  }

  /// The convolutions of a dense head: as the options say, else as many as the maps stand below.
  func towerArchitecture(on maps: FeatureMapSet) -> TowerArchitecture? {
    let stated = maps.statedTower ?? 0
    return tower == nil && stated == 0
      ? nil : TowerArchitecture(layers: tower ?? stated, normGroups: normGroups)
  }
}
