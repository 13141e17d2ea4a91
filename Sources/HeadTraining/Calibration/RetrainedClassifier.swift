import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

extension LinearHead {
  /// A softmax classifier trained anew on class-balanced images (cRT; Kang et al., ICLR 2020, §4.1): the layers below
  /// stay, which is what cached features are. Of this head only the classes are taken.
  ///
  /// - Parameter training: The RoIs and how they are trained on.
  /// - Throws: What training throws.
  func retrained(with training: CalibrationTraining) throws -> LinearHead {
    let objective = SoftmaxObjective(classCount: groups.classCount)
    var generator = SeededGenerator(seed: training.settings.seed)
    let fresh = LinearHead(
      inputs: training.source.featureCount, layout: objective.layout, groups: groups, method: method, using: &generator)
    return try training.run(
      fresh, objective: objective,
      sampler: ClassBalancedSampling(ImageClasses(of: training.source, classCount: groups.classCount)))
  }

  /// The head with the scales that LWS learns on class-balanced images folded in: an ordinary softmax head.
  ///
  /// - Parameter training: The RoIs and how they are trained on.
  /// - Throws: `LinearHeadError` if it is no softmax head; what training throws.
  func weightScaled(with training: CalibrationTraining) throws -> LinearHead {
    guard layout is SoftmaxLayout else {
      throw LinearHeadError("LWS scales the logits of one softmax; a \(layout.name) head has none")
    }
    let objective = WeightScalingObjective(classCount: groups.classCount)
    let start = try LinearHead(weight: weight, bias: bias, layout: objective.layout, groups: groups, method: method)
    return try training.run(
      start, objective: objective,
      sampler: ClassBalancedSampling(ImageClasses(of: training.source, classCount: groups.classCount))
    ).foldingScales()
  }

  /// The head trained on for a little on images with tail classes alone (tail fine-tuning; Li et al., CVPR 2020, table 1,
  /// (3)).
  ///
  /// - Parameters:
  ///   - training: The RoIs and how they are trained on.
  ///   - limit: A class with fewer training instances is of the tail.
  /// - Throws: `LinearHeadError` if it is no softmax head; `MethodParameterError` if no image shows a tail class; what
  ///   training throws.
  func fineTunedOnTail(with training: CalibrationTraining, tailBelow limit: Int) throws -> LinearHead {
    guard layout is SoftmaxLayout else {
      throw LinearHeadError(
        "fine-tuning here goes on with softmax; for a \(layout.name) head use `bags train --init … --sampler tail` with "
          + "its own method and a low --learning-rate")
    }
    let images = ImageClasses(of: training.source, classCount: groups.classCount)
    return try training.run(
      self, objective: SoftmaxObjective(classCount: groups.classCount),
      sampler: try TailImages(images, instanceCounts: groups.members.map(\.instanceCount), below: limit))
  }
}

/// The RoIs that a calibration trains on, and how.
struct CalibrationTraining {
  let source: any RoISource
  let settings: TrainingSettings
  let hooks: TrainingHooks

  /// Trains a head to the end.
  ///
  /// - Throws: What training throws.
  func run(_ head: LinearHead, objective: any HeadObjective, sampler: any ImageSampler) throws -> LinearHead {
    let trainer = try HeadTrainer(
      head: head, objective: objective, source: source, settings: settings, sampler: sampler)
    try trainer.run(hooks)
    return trainer.head
  }
}
