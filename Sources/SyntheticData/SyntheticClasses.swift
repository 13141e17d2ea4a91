import LVISDatasets
import RealModule

/// The classes of a synthetic set: how often each occurs, and what the detector's features say about it.
///
/// Shapes: C classes, F families, D features.
struct SyntheticClasses {
  /// Names by class index; the category id is the index + 1.
  let names: [String]
  /// n_c: training instances by class index.
  let instanceCounts: [Int]
  /// The family of each class.
  let families: [Int]
  /// C × D: what an object of a class adds to a feature, its family's part included.
  let directions: [[Double]]
  /// What objects of foreign classes add; each resembles a family.
  let foreignDirections: [[Double]]
  /// Background textures.
  let textures: [[Double]]

  private static let foreignClassesPerFamily = 2
  private static let textureCount = 12

  init(_ configuration: SyntheticDetectionSet.Configuration, using generator: inout some RandomNumberGenerator) {
    let familyCount = configuration.familyCount
    let classCount = configuration.classCount
    let perFamily = configuration.classesPerFamily

    // Ranks go to the families in turn, so that each has frequent and rare classes to confuse.
    var ranksByFamily = [[Int]](repeating: [], count: familyCount)
    for turn in 0..<perFamily {
      let order = generator.permutation(of: familyCount)
      for (position, family) in order.enumerated() { ranksByFamily[family].append(turn * familyCount + position) }
    }
    var names: [String] = []
    var counts: [Int] = []
    var families: [Int] = []
    for family in 0..<familyCount {
      generator.shuffle(&ranksByFamily[family])
      for (position, rank) in ranksByFamily[family].enumerated() {
        names.append("\(Self.familyName(family)) \(position + 1)")
        counts.append(Self.instanceCount(rank: rank, of: classCount, configuration))
        families.append(family)
      }
    }

    func direction(_ strength: Double) -> [Double] {
      let drawn = (0..<configuration.featureLength).map { _ in generator.nearlyNormal() }
      let square = drawn.reduce(0) { $0 + $1 * $1 }
      let scale = strength * (Double(configuration.featureLength) / square).squareRoot()
      return drawn.map { scale * $0 }
    }
    let familyDirections = (0..<familyCount).map { _ in direction(configuration.familyStrength) }
    func sum(_ family: Int, _ own: [Double]) -> [Double] { zip(familyDirections[family], own).map(+) }
    directions = zip(families, counts).map { family, count in
      sum(family, direction(configuration.classStrength * Self.learnedShare(count, configuration)))
    }
    foreignDirections = (0..<familyCount * Self.foreignClassesPerFamily).map { index in
      sum(index % familyCount, direction(configuration.classStrength))
    }
    textures = (0..<Self.textureCount).map { _ in direction(configuration.textureStrength) }
    self.names = names
    self.instanceCounts = counts
    self.families = families
  }

  /// The categories, with their counts in training as LVIS states them.
  func categories(trainingScenes: [SyntheticScene]) -> [LVISCategory] {
    var imageCounts = [Int](repeating: 0, count: names.count)
    for scene in trainingScenes {
      for index in Set(scene.objects.compactMap(\.labelledClass)) { imageCounts[index] += 1 }
    }
    return names.indices.map { index in
      LVISCategory(
        id: index + 1, name: names[index], frequency: LVISFrequency(trainingImageCount: imageCounts[index]),
        statedInstanceCount: instanceCounts[index], statedImageCount: imageCounts[index])
    }
  }

  /// The instances of the class at a rank: a straight line over log-log ranks, bent towards the tail.
  private static func instanceCount(
    rank: Int, of classCount: Int, _ configuration: SyntheticDetectionSet.Configuration
  ) -> Int {
    let fromTail = 1 - Double(rank) / Double(max(1, classCount - 1))
    let share = Double.pow(fromTail, configuration.tailShape)
    return Int(Double.pow(Double(configuration.largestInstanceCount), share).rounded())
  }

  /// How much of a class's own direction a detector has learned from so many instances, `rareClassShare`...1.
  private static func learnedShare(_ count: Int, _ configuration: SyntheticDetectionSet.Configuration) -> Double {
    let learned = Double(count) / (Double(count) + configuration.halfLearnedCount)
    return configuration.rareClassShare + (1 - configuration.rareClassShare) * learned
  }

  private static func familyName(_ family: Int) -> String {
    let names = [
      "bag", "bird", "boat", "bottle", "bowl", "cake", "chair", "clock", "coat", "cup", "fish", "flower", "hat",
      "jar", "knife", "lamp", "plate", "shoe", "sign", "tool",
    ]
    let round = family / names.count
    return names[family % names.count] + (round == 0 ? "" : String(round + 1))
  }
}
