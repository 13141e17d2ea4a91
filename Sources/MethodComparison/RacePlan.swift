import HeadLosses
import HeadTraining
import LVISDatasets
import TrainingRuns

/// The rows that race, and how long they are tried.
public struct RacePlan: Sendable, Equatable {
  /// The rows, without learning rates where these are to be found.
  public var contestants: [ComparedMethod]
  /// The criterion that selects; AP by default.
  public var criterion = TuningCriterion.ap
  /// The number of epochs of the first, short trials.
  public var shortEpochs: Int
  /// The number of epochs of whole trials.
  public var epochs: Int
  /// The number of rows that come to whole trials; 4 by default.
  public var finalistCount = 4
  /// The number of splits of the training images; 3 by default.
  public var splitCount = 3
  /// The share of the training images that is held out of each split; 0.2 by default.
  public var fraction = 0.2
  /// The number of times that the held-out images are drawn to tell differences from noise; 200 by default.
  public var replicateCount = 200
  /// The fewest held-out objects of a group that are enough to choose by; 5 by default.
  public var minimumObjectCount = 5

  /// Plans a race.
  ///
  /// - Parameters:
  ///   - contestants: The rows.
  ///   - epochs: The epochs of a whole training.
  public init(_ contestants: [ComparedMethod], epochs: Int) {
    self.contestants = contestants
    self.epochs = epochs
    shortEpochs = max(1, epochs / 3 + (epochs % 3 > 0 ? 1 : 0))
  }

  /// The plan with less work, the more the higher the level; the last is the least that decides anything.
  public func reduced(to level: Int) -> RacePlan {
    var plan = self
    plan.shortEpochs = max(1, shortEpochs / [1, 2, 4, 8][max(0, min(level, 3))])
    plan.epochs = max(1, epochs / [1, 1, 2, 4][max(0, min(level, 3))])
    plan.finalistCount = min(finalistCount, [4, 3, 3, 2][max(0, min(level, 3))])
    plan.splitCount = min(splitCount, [3, 2, 2, 1][max(0, min(level, 3))])
    return plan
  }

  /// The number of levels of `reduced(to:)`.
  public static let levelCount = 4

  /// The rows that race where nothing else is asked for: samplers and losses that kept up with the best on the sets that
  /// they were tried on, balanced group softmax with its groups and with fewer of them, and what changes the detector's
  /// own head without training.
  ///
  /// - Parameters:
  ///   - groups: The groups; boundaries that divide no classes are left out.
  ///   - hasOwnHead: Whether there is the detector's own head.
  ///   - hasAnchors: Whether the head is a dense detector's, which is trained on anchors: there focal loss is the plain one,
  ///     and the losses are those that cope with a thousand background anchors for an object.
  public static func contestants(
    for groups: CategoryGroups, hasOwnHead: Bool, hasAnchors: Bool = false
  ) -> [ComparedMethod] {
    func row(_ name: String, _ sampler: String? = nil, boundary: Int? = nil) -> ComparedMethod {
      ComparedMethod(
        MethodChoice(name: name), boundaries: boundary.map { .counts([$0]) },
        sampler: sampler.map { MethodChoice(name: $0) })
    }
    let (bags, balanced) = (TrainingMethod.bags.name, "class-balanced")
    let plain = hasAnchors ? TrainingMethod.focal.name : TrainingMethod.softmax.name
    // Going on with the plain loss changes a trained head little.
    var rows = hasOwnHead ? [] : [row(plain)]
    rows += [row(plain, "rfs"), row(plain, balanced)]
    rows += hasAnchors ? [row("ghm", balanced)] : [row("reweight"), row("seesaw", balanced)]
    rows += [row(bags), row(bags, balanced)]
    var divisions = [groups.classesByGroup.filter { !$0.isEmpty }]
    for boundary in [100, 1000] {
      guard let divided = try? groups.divided(at: [boundary]).classesByGroup.filter({ !$0.isEmpty }),
        !divisions.contains(divided)
      else { continue }
      divisions.append(divided)
      rows.append(row(bags, balanced, boundary: boundary))
    }
    guard hasOwnHead else { return rows }
    // A sigmoid for each class bears less: no softmax takes back what the rare ones gain.
    for tau in hasAnchors ? ["0.2", "0.4"] : ["0.5", "1"] {
      var row = ComparedMethod.ownHead
      row.calibration = MethodChoice(name: "post-hoc-adjustment", parameters: ["tau": tau])
      rows.append(row)
    }
    return rows
  }
}
