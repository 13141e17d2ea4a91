import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

// Forward and backward of a batch that one process takes whole.

extension HeadTrainer {
  /// Lets an adversary change the features of a batch, and learn.
  ///
  /// - Returns: What is trained in this step, the adversary's loss where it has one, and its rate where it learns from the
  ///   features' gradient; `nil` without an adversary.
  func harden(
    _ batch: RoIBatch, features: UnsafeMutablePointer<Float>, rate: Double
  ) -> (stage: AdversaryStage, losses: [Double], rateOfGradient: Double?)? {
    guard let adversary else { return nil }
    let schedule = adversary.schedule
    let stage = schedule.stage(atStep: stepsTaken, of: stepCount)
    let ownRate = schedule.rate(atStep: stepsTaken, of: stepCount, headShare: rate / settings.learningRate)
    var generator = stepGenerator(purpose: 4, number: stepsTaken)
    let loss = adversary.harden(
      AdversaryBatch(
        stage: stage, isFirst: schedule.isFirst(step: stepsTaken, of: stepCount), labels: batch.labels,
        images: batch.images, features: features, head: head, rate: ownRate),
      using: &generator)
    return (
      stage, adversary.componentName == nil ? [] : [loss],
      adversary.needsFeatureGradient && stage != .head ? ownRate : nil
    )
  }

  /// Puts the features that a loss makes behind those of the batch.
  func addFeatures(
    to features: UnsafeMutablePointer<Float>, labels: [Int32], using generator: inout SeededGenerator
  ) -> (labels: [Int32], features: UnsafeMutablePointer<Float>) {
    if anchors != nil { return (labels, features) }
    let width = source.featureCount
    let more = objective.moreFeaturesIfAny(than: features, width: width, labels: labels, using: &generator)
    precondition(
      more.features.count == more.labels.count * width, "a loss made features that are not \(width) numbers long")
    if more.labels.isEmpty { return (labels, features) }
    let all = extendedFeatures.floats((labels.count + more.labels.count) * width)
    all.update(from: features, count: labels.count * width)
    more.features.withUnsafeBufferPointer { values in
      if let values = values.baseAddress {
        (all + labels.count * width).update(from: values, count: more.features.count)
      }
    }
    return (labels + more.labels, all)
  }

  /// Forward and backward: leaves the gradients in the parameters.
  ///
  /// The head shares the arrays of the parameters; it is gone when these are moved, so that none is copied.
  ///
  /// - Parameters:
  ///   - blocks: What the loss asked for.
  ///   - features: X [N, D].
  ///   - labels: The classes of the examples.
  ///   - needsOwn: Whether the head's own gradients are wanted.
  ///   - adversaryRate: The rate of an adversary that learns from the features' gradient; `nil` for none.
  ///   - lap: The clock of the parts of a step.
  /// - Returns: The parts of the loss.
  func setGradients(
    _ blocks: [LogitBlock], features: UnsafeMutablePointer<Float>, labels: [Int32], needsOwn: Bool,
    adversaryRate: Double?, lap: inout ContinuousClock.Instant
  ) -> [Double] {
    let head = self.head
    if let anchors {
      let logits = anchors.forward(blocks, labels: labels, layer: head.classifier)
      times.add(.forward, since: &lap)
      let losses = objective.backward(logits, batchCount: labels.count, threads: settings.threads)
      times.add(.loss, since: &lap)
      classifier.withGradient(ofLayerAt: 0) { anchors.backward(into: $0, logitCount: head.bias.count) }
      towerProducts?.backward(
        head.tower, outputGradient: anchors.mapGradient(layer: head.classifier), into: &classifier, from: 2)
      times.add(.backward, since: &lap)
      return losses
    }
    let normalized = cosines?.normalize(head)
    let features =
      cosines?.normalize(features, rows: 0..<labels.count, inputs: head.inputs)
      ?? hiddenProducts?.forward(head.hidden, features: features, count: labels.count)
      ?? features
    let logits = products.forward(blocks, features: features, labels: labels, head: normalized ?? head)
    times.add(.forward, since: &lap)
    let losses = objective.backward(logits, batchCount: labels.count, threads: settings.threads)
    times.add(.loss, since: &lap)
    guard needsOwn || adversaryRate != nil else { return losses }
    let trained = objective.trainedRows
    classifier.withGradient(ofLayerAt: 0) { gradient in
      products.backward(
        into: gradient, inputs: head.weight.columns, logitCount: head.bias.count, trained: trained)
      if let normalized { cosines?.project(gradient, normalized: normalized, head: head) }
    }
    if let hiddenProducts {
      let ofLowest = hiddenProducts.backward(
        head.hidden, outputGradient: products.featureGradient(head: head, batchCount: labels.count), into: &classifier,
        from: 2, needsInputGradient: adversaryRate != nil)
      if let adversaryRate, let ofLowest { adversary?.learn(from: ofLowest, rate: adversaryRate) }
    } else if let adversaryRate {
      adversary?.learn(from: products.featureGradient(head: head, batchCount: labels.count), rate: adversaryRate)
    }
    times.add(.backward, since: &lap)
    return losses
  }

  /// - Returns: ‖g‖₂ of head and loss before clipping.
  func takeOptimizerStep(rate: Double) -> Double {
    guard var own = objective as? any ParameterizedObjective else { return optimizer.step(&classifier, rate: rate) }
    classifier.parameters.replaceSubrange(headParameterCount..., with: own.parameters)
    let norm = optimizer.step(&classifier, rate: rate)
    own.parameters = Array(classifier.parameters[headParameterCount...])
    objective = own
    return norm
  }
}
