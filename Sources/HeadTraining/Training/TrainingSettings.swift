import DenseLinearAlgebra

/// The epochs, batch, optimiser, seed, threads and memory of a training. The defaults are those of the paper's code
/// (FishYuLi/BalancedGroupSoftmax), on one thread.
public struct TrainingSettings: Sendable, Equatable, Codable {
  /// Passes over the images, 1...1 000 000; 12 by default.
  public var epochs: Int
  /// Images a batch, 1...1 000 000; 16 by default. The last batch of an epoch may be smaller.
  public var imagesPerBatch: Int
  /// The learning rate after warm-up, above 0; 0.01 by default. It is used as it stands: whoever changes `imagesPerBatch`
  /// scales it in proportion.
  public var learningRate: Double
  /// Epochs after which the learning rate is divided by 10, ascending; 8 and 11 by default. One that stands twice divides
  /// it twice.
  public var milestones: [Int]
  /// Steps of linear warm-up from a third of the rate, at most one epoch of them; 500 by default.
  public var warmupSteps: Int
  /// The largest Euclidean norm of the gradient over the parameters of the classifier, and of that over the parameters of a
  /// box regressor; 35 by default, `nil` for no limit.
  public var gradientClip: Double?
  /// The momentum of SGD, 0..<1; 0.9 by default.
  public var momentum: Double
  /// The weight decay, of weights and biases alike; 1e-4 by default.
  public var weightDecay: Double
  /// The seed that all randomness comes from; 0 by default.
  public var seed: UInt64
  /// Threads, 1...1024; 1 by default. Results depend on their number in the last bits.
  public var threads: Int
  /// Bytes of features that may stay in memory; 4 GiB by default. A larger set is read from disk image by image, let go
  /// after use, and shuffled among neighbours first, so that the disk reads long runs.
  public var memoryLimit: Int
  /// The parts that a batch's images are cut into, 1...65536, whose gradients are summed in one order whoever computes them;
  /// `nil`, the default, for none. Several processes that train together need as many or more; another number changes the
  /// last bits of a result.
  public var shards: Int?
  /// The precision of the classifier's operands when it is multiplied with the features of RoIs and the gradient; single
  /// by default. Hidden layers, box regressors, mining and dense heads are multiplied in single precision.
  public var precision: ProductPrecision

  /// Makes settings; what is not stated is as in the paper's code.
  ///
  /// Nothing is checked here: `fault` says what cannot be trained with, and a recipe's `validate()` throws it.
  ///
  /// - Parameters:
  ///   - epochs: Passes over the images.
  ///   - imagesPerBatch: Images a batch.
  ///   - learningRate: The learning rate after warm-up.
  ///   - milestones: Epochs after which the learning rate is divided by 10, ascending.
  ///   - warmupSteps: Steps of linear warm-up from a third of the rate.
  ///   - gradientClip: The largest norm of the gradient; `nil` for no limit.
  ///   - momentum: The momentum of SGD.
  ///   - weightDecay: The weight decay.
  ///   - seed: The seed that all randomness comes from.
  ///   - threads: Threads.
  ///   - memoryLimit: Bytes of features that may stay in memory.
  ///   - precision: The precision of the classifier's operands.
  public init(
    epochs: Int = 12, imagesPerBatch: Int = 16, learningRate: Double = 0.01, milestones: [Int] = [8, 11],
    warmupSteps: Int = 500, gradientClip: Double? = 35, momentum: Double = 0.9, weightDecay: Double = 1e-4,
    seed: UInt64 = 0, threads: Int = 1, memoryLimit: Int = 4 << 30,
    precision: ProductPrecision = .single
  ) {
    self.epochs = epochs
    self.imagesPerBatch = imagesPerBatch
    self.learningRate = learningRate
    self.milestones = milestones
    self.warmupSteps = warmupSteps
    self.gradientClip = gradientClip
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.seed = seed
    self.threads = threads
    self.memoryLimit = memoryLimit
    self.precision = precision
  }

  /// Reads settings; what an older file does not state is as it is by default.
  ///
  /// - Throws: `DecodingError` for a value of another type, or settings that cannot be trained with.
  public init(from decoder: any Decoder) throws {
    self.init()
    let stored = try decoder.container(keyedBy: CodingKeys.self)
    epochs = try stored.decodeIfPresent(Int.self, forKey: .epochs) ?? epochs
    imagesPerBatch = try stored.decodeIfPresent(Int.self, forKey: .imagesPerBatch) ?? imagesPerBatch
    learningRate = try stored.decodeIfPresent(Double.self, forKey: .learningRate) ?? learningRate
    milestones = try stored.decodeIfPresent([Int].self, forKey: .milestones) ?? milestones
    warmupSteps = try stored.decodeIfPresent(Int.self, forKey: .warmupSteps) ?? warmupSteps
    // Without a limit it is not written.
    gradientClip = try stored.decodeIfPresent(Double.self, forKey: .gradientClip)
    momentum = try stored.decodeIfPresent(Double.self, forKey: .momentum) ?? momentum
    weightDecay = try stored.decodeIfPresent(Double.self, forKey: .weightDecay) ?? weightDecay
    seed = try stored.decodeIfPresent(UInt64.self, forKey: .seed) ?? seed
    threads = try stored.decodeIfPresent(Int.self, forKey: .threads) ?? threads
    memoryLimit = try stored.decodeIfPresent(Int.self, forKey: .memoryLimit) ?? memoryLimit
    shards = try stored.decodeIfPresent(Int.self, forKey: .shards)
    precision = try stored.decodeIfPresent(ProductPrecision.self, forKey: .precision) ?? precision
    if let fault {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: fault))
    }
  }

  /// The reason why the settings cannot be trained with, in one line; `nil` where they can.
  public var fault: String? {
    let million = 1...1_000_000
    return if !million.contains(epochs) {
      "epochs must be from 1 to 1000000"
    } else if !million.contains(imagesPerBatch) {
      "imagesPerBatch must be from 1 to 1000000"
    } else if !(learningRate > 0 && learningRate.isFinite) {
      "learningRate must be above 0"
    } else if !milestones.allSatisfy({ (0...1_000_000).contains($0) }) {
      "milestones must be epochs"
    } else if !zip(milestones, milestones.dropFirst()).allSatisfy(<=) {
      "milestones must ascend"
    } else if warmupSteps < 0 {
      "warmupSteps must not be negative"
    } else if let gradientClip, !(gradientClip >= 0 && gradientClip.isFinite) {
      "gradientClip must be a number of at least 0"
    } else if !(0..<1).contains(momentum) {
      "momentum must be at least 0 and below 1"
    } else if !(weightDecay >= 0 && weightDecay.isFinite) {
      "weightDecay must not be negative"
    } else if !(1...1024).contains(threads) {
      "threads must be from 1 to 1024"
    } else if let shards, !(1...65536).contains(shards) {
      "shards must be from 1 to 65536"
    } else {
      nil
    }
  }
}
