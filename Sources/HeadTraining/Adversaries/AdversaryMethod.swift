import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

/// An adversary that makes pooled maps harder for the head while it is trained, chosen by its name.
public struct AdversaryMethod: NamedMethod {
  /// The name by which a user chooses it, such as `occlusion`.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// The paper or code that it comes from.
  public let source: String
  /// The parameters that it declares.
  public let parameters: [MethodParameter]
  /// Says why some values of its parameters do not go together; `nil` where they do.
  public let conflict: @Sendable (MethodParameters) -> String?
  let adversary: @Sendable (MethodParameters, AdversaryData, inout SeededGenerator) throws -> any FeatureAdversary

  /// Pooled maps: it hides or moves their cells.
  public var needs: String? { "pooled maps [N, C, H, W]" }

  /// The word `adversary`, for errors.
  public static let kind = "adversary"

  /// All adversaries.
  public static let registry = MethodRegistry<AdversaryMethod>([.occlusion, .occlusionOfPaper, .deformation])

  /// Makes the adversary that was chosen.
  ///
  /// - Throws: `MethodParameterError` if there is none of that name, or it cannot take the parameters;
  ///   `TrainingRecipeError` if the examples have no pooled maps; `LinearHeadError` if these are too small.
  static func adversary(
    _ choice: MethodChoice, for source: any RoISource, head: LinearHead, settings: TrainingSettings,
    using generator: inout SeededGenerator
  ) throws -> any FeatureAdversary {
    let (method, parameters) = try chosen(choice)
    guard let shape = source.pooledShape else {
      throw TrainingRecipeError(
        .conflict,
        "the adversary \(method.name) works on pooled maps, features [N, C, H, W]; these are vectors of "
          + "\(source.featureCount) numbers, as they come out behind the detector's own layers")
    }
    return try method.adversary(
      parameters, AdversaryData(shape: shape, head: head, settings: settings), &generator)
  }
}

/// What an adversary is made for.
struct AdversaryData {
  /// The shape of the maps.
  let shape: PooledShape
  /// The head that training starts from.
  let head: LinearHead
  /// The settings of the training.
  let settings: TrainingSettings
}

extension AdversaryMethod {
  /// A-Fast-RCNN's occluder with the settings of its authors' code.
  public static let occlusion = occlusion(
    "occlusion", "A-Fast-RCNN's occluder: hides the cells of foreground RoIs' pooled maps that cost the head most",
    source: "Wang et al., CVPR 2017; xiaolonw/adversarial-frcnn", defaults: OcclusionSettings())

  /// A-Fast-RCNN's occluder with the numbers of the paper where they differ from the code's: every window of a third of
  /// the side is tried, all of its cells teach, and of the half of the cells with the highest probability a third of the
  /// map is hidden, 16 of 24 of 49.
  public static let occlusionOfPaper = {
    var settings = OcclusionSettings()
    settings.stride = 1
    settings.keptGradient = 1
    settings.candidates = 24
    settings.dropped = 16
    return occlusion(
      "occlusion-paper", "the same with the numbers of the paper (§4.1), for maps of 7 × 7",
      source: "Wang et al., CVPR 2017", defaults: settings)
  }()

  /// A-Fast-RCNN's deformer.
  public static let deformation = AdversaryMethod(
    name: "deformation",
    summary: "A-Fast-RCNN's deformer: turns blocks of channels of foreground RoIs' pooled maps; from the paper (§4.2), "
      + "no public code",
    source: "Wang et al., CVPR 2017",
    parameters: AdversarySchedule().declared + [
      .integer("deformer-blocks", default: 4, in: 1...64, "blocks of channels, each with an angle of its own"),
      .number("deformer-degrees", default: 10, in: 0...180, "no angle is larger, in degrees"),
    ], conflict: { AdversarySchedule.conflict($0) },
    adversary: { parameters, data, generator in
      try DeformationAdversary(
        blocks: parameters.integer("deformer-blocks"), degrees: parameters.number("deformer-degrees"),
        schedule: AdversarySchedule(parameters), shape: data.shape, head: data.head, training: data.settings,
        using: &generator)
    })

  private static func occlusion(
    _ name: String, _ summary: String, source: String, defaults: OcclusionSettings
  ) -> AdversaryMethod {
    AdversaryMethod(
      name: name, summary: summary, source: source, parameters: AdversarySchedule().declared + defaults.declared,
      conflict: { AdversarySchedule.conflict($0) ?? OcclusionSettings.conflict($0) },
      adversary: { parameters, data, generator in
        try OcclusionAdversary(
          OcclusionSettings(parameters), schedule: AdversarySchedule(parameters), shape: data.shape,
          training: data.settings, using: &generator)
      })
  }
}
