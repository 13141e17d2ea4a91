import DenseLinearAlgebra

/// The passes of a sampler, shuffled, one after another, cut into epochs.
///
/// An epoch is as many visits as there are images, however long a pass is: every sampler is trained with the same
/// budget (detectron2's way; mmdetection lengthens the epoch instead). With `EveryImage` an epoch is a pass.
package struct ImageStream: Sendable {
  private let sampler: any ImageSampler
  private let imageCount: Int
  private let seed: SeededGenerator
  private let blockLength: Int?
  /// The pass that is read, what is left of it, and the visits before that.
  private var pass = 0
  private var rest: ArraySlice<Int> = []
  private var taken = 0

  /// - Parameters:
  ///   - sampler: The images of a pass.
  ///   - imageCount: The visits of an epoch.
  ///   - seed: Pass p draws from `seed.derived(for: p + 1)`.
  ///   - blockLength: For a set larger than memory: images are shuffled in blocks of so many neighbours, then singly
  ///     among 32 blocks, so that a disk reads long runs. `nil` to shuffle all of them.
  package init(
    _ sampler: any ImageSampler, imageCount: Int, seed: SeededGenerator, blockLength: Int? = nil
  ) {
    self.sampler = sampler
    self.imageCount = imageCount
    self.seed = seed
    self.blockLength = blockLength
  }

  /// The images of an epoch, in the order of their visits. Any epoch may be asked for; the next one is the cheapest.
  package mutating func images(ofEpoch epoch: Int) -> [Int] {
    if epoch * imageCount < taken { (pass, rest, taken) = (0, [], 0) }
    skip(epoch * imageCount - taken)
    var images: [Int] = []
    images.reserveCapacity(imageCount)
    while images.count < imageCount {
      if rest.isEmpty { rest = nextPass() }
      let part = rest.prefix(imageCount - images.count)
      images.append(contentsOf: part)
      rest = rest.dropFirst(part.count)
      taken += part.count
    }
    return images
  }

  private mutating func skip(_ count: Int) {
    var left = count
    while left > 0 {
      if rest.isEmpty { rest = nextPass() }
      let part = min(left, rest.count)
      rest = rest.dropFirst(part)
      left -= part
      taken += part
    }
  }

  private mutating func nextPass() -> ArraySlice<Int> {
    var generator = seed.derived(for: UInt64(pass) &+ 1)
    pass += 1
    let visits = sampler.visits(using: &generator)
    return shuffled(visits.isEmpty ? Array(0..<imageCount) : visits, using: &generator)[...]
  }

  private func shuffled(_ visits: [Int], using generator: inout SeededGenerator) -> [Int] {
    guard let blockLength else { return visits.shuffled(using: &generator) }
    var blocks: [[Int]] = []
    for image in visits.sorted() {
      if let first = blocks.last?.first, first / blockLength == image / blockLength {
        blocks[blocks.count - 1].append(image)
      } else {
        blocks.append([image])
      }
    }
    blocks.shuffle(using: &generator)
    var order: [Int] = []
    for start in stride(from: 0, to: blocks.count, by: 32) {
      order += blocks[start..<min(start + 32, blocks.count)].joined().shuffled(using: &generator)
    }
    return order
  }
}
