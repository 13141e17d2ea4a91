import LVISDatasets

/// Top-1 accuracy of classified images by how often their classes occur in training, as the long-tail literature reports
/// it: many, medium and few shots (more than 100, 20 to 100, fewer than 20 training instances; Liu et al., CVPR 2019).
///
/// The accuracy of a part is the mean over its classes of the share of their images that are right, as in the code of Liu
/// et al. and of Kang et al. (ICLR 2020), `shot_acc`; only classes with an image to score count. `top1` is the share of all
/// images.
public struct ClassificationAccuracy: Sendable, Encodable {
  /// The classes of a part of the scale, and how well they are told.
  public struct Part: Sendable, Encodable, Equatable {
    /// `all`, `many`, `medium`, `few`, or a group: `G1` and on.
    public let name: String
    /// The classes with an image to score.
    public let classes: Int
    /// Their images.
    public let images: Int
    /// The images whose best class is theirs.
    public let right: Int
    /// The mean of the classes' accuracies, 0...1; `nil` without a class.
    public let accuracy: Double?
  }

  /// The share of all labelled images that are right, 0...1.
  public let top1: Double
  /// All classes, then, where training counts are known, many, medium, few, and the groups.
  public let parts: [Part]
  /// Images with scores that the labels do not know; they are left out.
  public let unlabelledImages: Int

  /// Scores predictions.
  ///
  /// - Parameters:
  ///   - predictions: The best class of each image.
  ///   - labels: The class of each image.
  ///   - groups: The training counts and groups of the classes; `nil` for all classes alone.
  /// - Throws: `DatasetError` where a labelled image has no scores, or a label is none of the classes that are scored.
  /// - Complexity: O(images · log).
  public init(_ predictions: ClassPredictions, labels: ClassLabels, groups: CategoryGroups? = nil) throws {
    let known = Set(predictions.categoryIDs)
    var tallies: [Int: (images: Int, right: Int)] = [:]
    var right = 0
    for (image, category) in labels.categories.sorted(by: { $0.key < $1.key }) {
      guard known.contains(category) else {
        throw DatasetError(
          path: labels.path, code: .inconsistent, place: "image \(image)",
          problem: "is of category \(category), which is none of the \(known.count) that \(predictions.path) scores")
      }
      guard let best = predictions.best[image] else {
        throw DatasetError(
          path: predictions.path, code: .missing,
          problem: "has no scores of image \(image), which \(labels.path) labels")
      }
      tallies[category, default: (0, 0)].images += 1
      if best == category {
        tallies[category, default: (0, 0)].right += 1
        right += 1
      }
    }
    func part(_ name: String, _ isIn: (Int) -> Bool = { _ in true }) -> Part {
      let members = tallies.sorted { $0.key < $1.key }.filter { isIn($0.key) }.map(\.value)
      let sum = members.reduce(0.0) { $0 + Double($1.right) / Double($1.images) }
      return Part(
        name: name, classes: members.count, images: members.reduce(0) { $0 + $1.images },
        right: members.reduce(0) { $0 + $1.right }, accuracy: members.isEmpty ? nil : sum / Double(members.count))
    }
    var parts = [part("all")]
    if let groups {
      let counts = Dictionary(groups.members.map { ($0.id, $0.instanceCount) }) { first, _ in first }
      func isIn(_ range: ClosedRange<Int>) -> (Int) -> Bool { { counts[$0].map { range.contains($0) } ?? false } }
      parts += [part("many", isIn(101...Int.max)), part("medium", isIn(20...100)), part("few", isIn(0...19))]
      parts += (0..<groups.groupCount).map { group in part("G\(group + 1)") { groups.group(ofCategory: $0) == group } }
    }
    self.parts = parts
    top1 = Double(right) / Double(labels.categories.count)
    unlabelledImages = predictions.best.keys.reduce(0) { $0 + (labels.categories[$1] == nil ? 1 : 0) }
  }
}
