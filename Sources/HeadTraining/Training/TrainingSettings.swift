/// How a head is trained; the defaults are the recipe of the paper's code (FishYuLi/BalancedGroupSoftmax).
public struct TrainingSettings: Sendable, Equatable, Codable {
  /// Passes over the images.
  public var epochs = 12
  /// Images a batch.
  public var imagesPerBatch = 16
  /// The learning rate after warm-up; it scales linearly with `imagesPerBatch`.
  public var learningRate = 0.01
  /// Epochs after which the learning rate is divided by 10, ascending; one that stands twice divides it twice.
  public var milestones = [8, 11]
  /// Steps of linear warm-up from a third of the rate; at most one epoch of them is done.
  public var warmupSteps = 500
  /// The largest gradient norm; `nil` for no limit.
  public var gradientClip: Double? = 35
  /// Momentum of SGD.
  public var momentum = 0.9
  /// Weight decay, on weight and bias.
  public var weightDecay = 1e-4
  /// Where all randomness comes from.
  public var seed: UInt64 = 0
  /// Threads; results depend on their number in the last bits.
  public var threads = 1
  /// Bytes of features that may stay in memory. A larger set is read from disk image by image, let go after use, and
  /// shuffled with locality: see `ImageStream`.
  public var memoryLimit = 4 << 30

  /// The recipe, on one thread.
  public init() {}

  /// Reads settings; what an older file does not state is as it is by default.
  public init(from decoder: any Decoder) throws {
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
    if let fault {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: fault))
    }
  }

  /// What cannot be trained with, in one line; `nil` for settings that can.
  public var fault: String? {
    let million = 1...1_000_000
    return if !million.contains(epochs) {
      "epochs must be from 1 to 1000000"
    } else if !million.contains(imagesPerBatch) {
      "images-per-batch must be from 1 to 1000000"
    } else if !(learningRate > 0 && learningRate.isFinite) {
      "learning-rate must be above 0"
    } else if !milestones.allSatisfy({ (0...1_000_000).contains($0) }) {
      "milestones must be epochs"
    } else if !zip(milestones, milestones.dropFirst()).allSatisfy(<=) {
      "milestones must ascend"
    } else if warmupSteps < 0 {
      "warmup-steps must not be negative"
    } else if let gradientClip, !(gradientClip >= 0 && gradientClip.isFinite) {
      "gradient-clip must be a number of at least 0; 0 sets no limit"
    } else if !(0..<1).contains(momentum) {
      "momentum must be at least 0 and below 1"
    } else if !(weightDecay >= 0 && weightDecay.isFinite) {
      "weight-decay must not be negative"
    } else if !(1...1024).contains(threads) {
      "threads must be from 1 to 1024"
    } else {
      nil
    }
  }
}
