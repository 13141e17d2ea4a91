import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// A training comes to the same numbers, byte for byte, on any number of threads.
@Suite struct ThreadCountTests {
  @Test(arguments: TrainingMethod.all.map(\.name)) func theHeadDoesNotDependOnIt(name: String) throws {
    let alone = try train(name, threads: 1)
    #expect(try train(name, threads: 2) == alone)
    #expect(try train(name, threads: 5) == alone)
  }

  @Test func norWithEveryRoIInEveryGroup() throws {
    let all = ["others-ratio": "1000"]
    #expect(try train("bags", all, threads: 3) == train("bags", all, threads: 1))
  }

  @Test(.enabled(if: ProductPrecision.bfloat16.isAvailable, "this processor has no AVX-512 BF16"))
  func norInBFloat16() throws {
    let alone = try train("bags", threads: 1, precision: .bfloat16)
    #expect(try train("bags", threads: 2, precision: .bfloat16) == alone)
    #expect(try train("bags", threads: 5, precision: .bfloat16) == alone)
  }

  /// Operands are rounded to 8 bits, a part in 512, in every step.
  @Test(
    .enabled(if: ProductPrecision.bfloat16.isAvailable, "this processor has no AVX-512 BF16"),
    arguments: ["bags", "softmax"])
  func bfloat16StaysNearSinglePrecisionForAHundredSteps(name: String) throws {
    let single = try train(name, epochs: 50, threads: 1)
    let half = try train(name, epochs: 50, threads: 1, precision: .bfloat16)
    #expect(single.stepCount >= 100)
    #expect(single != half)
    #expect(abs(single.loss - half.loss) < single.loss / 512)
    let distance = zip(single.weight, half.weight).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    let length = single.weight.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(distance < length / 100)
  }

  private struct Trained: Equatable {
    let weight: [Float]
    let bias: [Float]
    let loss: Double
    let norm: Double
    let stepCount: Int
  }

  private func train(
    _ name: String, _ parameters: [String: String] = [:], epochs: Int = 2, threads: Int,
    precision: ProductPrecision = .single
  ) throws -> Trained {
    // More logits than a panel and a strip hold, and as many RoIs a batch as make several tiles.
    let counts = (0..<70).map { [3, 40, 400, 5000][$0 % 4] }
    let groups = try CategoryGroups(instances: counts)
    let source = exampleRoIs(classCount: counts.count, featureCount: 45)
    var recipe = TrainingRecipe(MethodChoice(name: name, parameters: parameters))
    recipe.settings.epochs = epochs
    recipe.settings.imagesPerBatch = 10
    recipe.settings.learningRate = 0.1
    recipe.settings.threads = threads
    recipe.settings.precision = precision
    var heads = PrerequisiteHeads()
    if name == "disalign" {
      heads.initial = try exampleHead(SoftmaxLayout(classCount: counts.count), inputs: 45, groups: groups)
    }
    let trainer = try recipe.trainer(
      on: source, groups: groups, imageCount: source.imageCount, startingFrom: heads)
    var (loss, norm) = (0.0, 0.0)
    while trainer.stepsTaken < trainer.stepCount {
      let step = try trainer.step()
      (loss, norm) = (loss + step.loss, norm + step.gradientNorm)
    }
    #expect(loss.isFinite && norm > 0)
    return Trained(
      weight: trainer.head.weight.storage, bias: trainer.head.bias, loss: loss, norm: norm,
      stepCount: trainer.stepsTaken)
  }
}
