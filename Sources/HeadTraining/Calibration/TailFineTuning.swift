import DetectionHeads
import HeadLosses

extension CalibrationMethod {
  /// Tail fine-tuning: a softmax head trained on for a little on images with tail classes alone (Li et al., CVPR 2020,
  /// table 1, (3)). A dense head with a sigmoid for each class goes on with focal loss.
  public static let tailFineTuning = CalibrationMethod(
    name: "tail-finetune", summary: "a little more training, at a low rate, on images with tail classes alone",
    source: "Li et al., CVPR 2020", parameters: [.epochs(4), .learningRate(0.001), .tailBelow], needsFeatures: true,
    work: .training(
      { head, parameters in
        guard head.layout.ofOneAnchor is SoftmaxLayout || head.plainAnchorMethod != nil else {
          throw LinearHeadError(
            .unsupported,
            "fine-tuning here goes on with softmax; train a \(head.layout.name) head on with its own method, the sampler "
              + "tail and a low learning rate")
        }
        return TrainingRecipe(
          MethodChoice(name: (head.plainAnchorMethod ?? .softmax).name),
          sampler: MethodChoice(
            name: ImageSamplingMethod.tail.name, parameters: ["tail-below": "\(parameters.integer("tail-below"))"]))
      }, finish: { $0 }))
}
