import ArgumentParser
import BalancedGroupSoftmax
import Foundation

/// The recipe of training; the defaults are the official code's.
struct RecipeOptions: ParsableArguments {
  @Option(help: "Passes over the images.")
  var epochs = 12

  @Option(help: "Images a batch.")
  var imagesPerBatch = 16

  @Option(help: .init("Epochs after which the learning rate is divided by 10.", valueName: "epochs"))
  var milestones = IntegerList([8, 11])

  @Option(help: "Steps of linear warm-up from a third of the rate, at most one epoch; 0 for none.")
  var warmupSteps = 500

  @Option(help: "The largest gradient norm; 0 for no limit.")
  var gradientClip = 35.0

  @Option(help: "Momentum of SGD.")
  var momentum = 0.9

  @Option(help: "Weight decay.")
  var weightDecay = 1e-4

  @Option(
    help: .init(
      "Threads (default: the processors that this process may use). The result depends on it only with hidden layers or "
        + "mining, and then in its last bits."))
  var threads: Int?

  @Option(
    help: .init(
      "Features that may stay in memory, such as 500M or 4G; a larger set is streamed from disk.", valueName: "size"))
  var memoryLimit = ByteCount(4 << 30)

  @Option(
    help: .init(
      "Cut each batch's images into so many parts whose gradients are summed in one order: the same head from any number "
        + "of MPI's processes, up to as many (default: 16 where MPI starts `bags train`, else none).",
      valueName: "count"))
  var shards: Int?

  @Option(
    help: .init(
      "The precision of the operands when the classifier is multiplied with the features of RoIs: fp32, bf16 (about twice as "
        + "fast, on processors with AVX-512 BF16), or auto, bf16 where there is such a processor. Feature maps are multiplied in "
        + "fp32.",
      valueName: "auto|fp32|bf16"))
  var precision = PrecisionOption.fixed(.single)

  func validate() throws {
    // 0 means no limit here; the settings say so by having none.
    guard gradientClip >= 0, gradientClip.isFinite else {
      throw ValidationError("--gradient-clip must be a number of at least 0; 0 sets no limit")
    }
    if let fault = settings(seed: 0).fault { throw ValidationError(withOption(fault)) }
  }

  /// Refuses a precision that feature maps are not multiplied in.
  func checkPrecision(forMapsAt path: String) throws {
    if precision == .fixed(.bfloat16) {
      throw CommandFailure("\(path): feature maps are multiplied in fp32, not in bf16; leave out --precision")
    }
  }

  /// The recipe as settings.
  ///
  /// - Parameters:
  ///   - learningRate: The rate after warm-up; the recipe's where there is none yet.
  ///   - seed: Where all randomness comes from.
  func settings(learningRate: Double? = nil, seed: UInt64) -> TrainingSettings {
    var settings = TrainingSettings()
    settings.epochs = epochs
    settings.imagesPerBatch = imagesPerBatch
    settings.learningRate = learningRate ?? settings.learningRate
    settings.milestones = milestones.values
    settings.warmupSteps = warmupSteps
    // 0 means no limit here; the settings say so by having none.
    settings.gradientClip = gradientClip == 0 ? nil : gradientClip
    settings.momentum = momentum
    settings.weightDecay = weightDecay
    settings.seed = seed
    settings.memoryLimit = memoryLimit.value
    settings.threads = threads ?? DefaultThreads.count
    settings.shards = shards
    settings.precision = precision.resolved
    return settings
  }
}

/// A learning rate: a number, or to be found.
enum LearningRateOption: ExpressibleByArgument, Equatable {
  case rate(Double)
  case auto

  init?(argument: String) {
    if argument == "auto" {
      self = .auto
    } else if let rate = Double(argument) {
      self = .rate(rate)
    } else {
      return nil
    }
  }

  /// The number; `nil` where it is to be found.
  var rate: Double? { if case .rate(let rate) = self { rate } else { nil } }

  var defaultValueDescription: String { rate.map { "\($0)" } ?? "auto" }
}

/// A precision of products: one that is stated, or the fastest that the processor has.
enum PrecisionOption: ExpressibleByArgument, Equatable {
  case auto
  case fixed(ProductPrecision)

  init?(argument: String) {
    if argument == "auto" {
      self = .auto
    } else if let precision = ProductPrecision(rawValue: argument) {
      self = .fixed(precision)
    } else {
      return nil
    }
  }

  static var allValueStrings: [String] { ["auto"] + ProductPrecision.allCases.map(\.rawValue) }

  /// What is multiplied in on this processor.
  var resolved: ProductPrecision {
    switch self {
    case .auto: ProductPrecision.bfloat16.isAvailable ? .bfloat16 : .single
    case .fixed(let precision): precision
    }
  }

  var defaultValueDescription: String {
    switch self {
    case .auto: "auto"
    case .fixed(let precision): precision.rawValue
    }
  }
}

/// Integers with commas between them, such as `10,100,1000`; an empty text is none.
struct IntegerList: ExpressibleByArgument, CustomStringConvertible {
  let values: [Int]

  init(_ values: [Int]) { self.values = values }

  init?(argument: String) {
    let parts = argument.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) }
    guard parts.allSatisfy({ $0 != nil }) else { return nil }
    values = parts.compactMap { $0 }
  }

  var description: String { values.map(String.init).joined(separator: ",") }
  var defaultValueDescription: String { description }
}
