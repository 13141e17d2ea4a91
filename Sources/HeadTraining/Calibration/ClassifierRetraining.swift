import HeadLosses

extension CalibrationMethod {
  /// cRT: a softmax classifier trained anew on class-balanced images (Kang et al., ICLR 2020, §4.1). The layers below
  /// stay, which is what cached features are; of the head only the classes are taken.
  public static let classifierRetraining = CalibrationMethod(
    name: "crt", summary: "the classifier trained anew on class-balanced images", source: "Kang et al., ICLR 2020",
    parameters: [.epochs(12), .learningRate(0.01)], needsFeatures: true, startsAnew: true,
    work: .training(
      { _, _ in
        TrainingRecipe(
          MethodChoice(name: TrainingMethod.softmax.name),
          sampler: MethodChoice(name: ImageSamplingMethod.classBalanced.name))
      }, finish: { $0 }))
}
