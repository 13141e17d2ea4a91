import DenseLinearAlgebra
import DetectionHeads

/// Makes examples of a batch harder for the head that is trained on them, and learns how.
protocol FeatureAdversary: AnyObject {
  /// When it is trained, and how fast.
  var schedule: AdversarySchedule { get }
  /// What it has learnt, with momentum.
  var group: ParameterGroup { get set }
  /// The name of its loss among the parts of the training's; `nil` where it is the head's own.
  var componentName: String? { get }
  /// Whether it learns from the gradient that the head's loss has for the features.
  var needsFeatureGradient: Bool { get }

  /// Changes features of a batch, and learns, as the stage has it.
  ///
  /// - Parameters:
  ///   - batch: The examples, as they came from the source.
  ///   - generator: For what is drawn.
  /// - Returns: Its loss before the step; 0 where it has none of its own.
  func harden(_ batch: AdversaryBatch, using generator: inout SeededGenerator) -> Double

  /// Learns from the gradient that the head's loss has for the changed features; called where it needs that.
  ///
  /// - Parameters:
  ///   - gradient: dLoss/dX [N, D].
  ///   - rate: The adversary's learning rate.
  func learn(from gradient: UnsafePointer<Float>, rate: Double)
}

/// The examples of a batch and what is done with them. N examples of C · H · W = D features.
struct AdversaryBatch {
  /// What is trained.
  let stage: AdversaryStage
  /// Whether it is the first step in which the adversary takes part.
  let isFirst: Bool
  /// The class index of each example, −1 for background [N].
  let labels: [Int32]
  /// The examples of each image.
  let images: [Range<Int>]
  /// X [N, D], which may be changed.
  let features: UnsafeMutablePointer<Float>
  /// The head as it is.
  let head: LinearHead
  /// The adversary's learning rate.
  let rate: Double

  /// The foreground examples that are made harder: all while the adversary learns alone; those of every second image, the
  /// first included, while both do, as one of the two passes of each step of `ASDNDataLayer` leaves the features alone.
  var hardened: [Int] {
    let taken = stage == .both ? images.enumerated().filter { $0.offset % 2 == 0 }.map(\.element) : images
    return taken.flatMap { $0.filter { labels[$0] >= 0 } }
  }
}
