import DetectionHeads
import HeadLosses

extension CalibrationMethod {
  /// cRT: a softmax classifier trained anew on class-balanced images (Kang et al., ICLR 2020, §4.1). The layers below
  /// stay, which is what cached features are; of the head only the classes are taken. A dense head with a sigmoid for each
  /// class is trained anew with focal loss, which it comes from (our reading).
  public static let classifierRetraining = CalibrationMethod(
    name: "crt", summary: "the classifier trained anew on class-balanced images", source: "Kang et al., ICLR 2020",
    parameters: [.epochs(12), .learningRate(0.01)], needsFeatures: true, startsAnew: true,
    work: .training(
      { head, _ in
        TrainingRecipe(
          MethodChoice(name: (head.plainAnchorMethod ?? .softmax).name),
          sampler: MethodChoice(name: ImageSamplingMethod.classBalanced.name))
      }, finish: { $0 }))
}

extension LinearHead {
  /// The loss by which a dense head with a sigmoid for each class goes on as detectors train it, focal loss; `nil` for other
  /// heads.
  var plainAnchorMethod: TrainingMethod? {
    layout.anchorsPerLocation != nil && layout.ofOneAnchor is SigmoidLayout ? .focal : nil
  }
}
