import DenseLinearAlgebra
import FeatureSets

/// Class-balanced sampling (Kang et al., ICLR 2020, §3.1, with q = 0; classifier-balancing `ClassAwareSampler`): a class
/// uniformly, then an instance of it uniformly.
///
/// A detector visits whole images, so the draw gives the instance's image, and all its RoIs are trained on. An instance
/// is a RoI of the class. Classes without a RoI are never drawn.
public struct ClassBalancedSampling: ImageSampler {
  /// For every class that has RoIs, the images of these, one entry a RoI, as runs.
  private let classes: [[Run]]
  private let imageCount: Int

  /// An image and the number of RoIs up to and with it.
  private struct Run {
    let image: Int
    let end: Int
  }

  /// Gathers the images of every class.
  public init(_ images: ImageClasses) {
    var classes = [[Run]](repeating: [], count: images.classCount)
    for image in 0..<images.imageCount {
      for entry in images.classes(ofImage: image) {
        let before = classes[entry.classIndex].last?.end ?? 0
        classes[entry.classIndex].append(Run(image: image, end: before + entry.roiCount))
      }
    }
    self.classes = classes.filter { !$0.isEmpty }
    imageCount = images.imageCount
  }

  /// As many draws as there are images; every image once where no RoI is foreground.
  public func visits(using generator: inout SeededGenerator) -> [Int] {
    guard !classes.isEmpty else { return Array(0..<imageCount) }
    return (0..<imageCount).map { _ in
      let runs = classes[Int.random(in: 0..<classes.count, using: &generator)]
      let instance = Int.random(in: 0..<(runs.last?.end ?? 1), using: &generator)
      return runs[firstIndex(in: runs, after: instance)].image
    }
  }

  /// The run that an instance lies in.
  private func firstIndex(in runs: [Run], after instance: Int) -> Int {
    var (low, high) = (0, runs.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].end > instance { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
